import { type Command, isBelow, parseTransactionId, type Reason, type Reply } from '@concordat/protocol';
import type { Draw } from './draw.js';

export interface Row {
  state: 'prepared' | 'committed' | 'aborted';
  /** Lost by a restart. */
  results: Result[] | null;
}

interface Result {
  readonly branchId: string;
  readonly operation: string;
  readonly result: unknown;
}

/** What was executed before the prepare: volatile. */
interface Session {
  readonly nonce: string;
  readonly results: Result[];
}

/**
 * A participant as the wire contract describes it: rows are durable, results of operations are not; commands come in any
 * order and any number of times. An operation called `read` has no second phase; others refuse now and then.
 */
export class ParticipantModel {
  readonly rows = new Map<string, Row>();
  /** What it ever finalised each transaction as; rows are collected, history is not. */
  readonly history = new Map<string, 'committed' | 'aborted'>();
  /** What it ever voted for, each operation with its result. */
  readonly work = new Map<string, readonly Result[]>();
  readonly hazards: string[] = [];
  readonly #sessions = new Map<string, Session>();
  #runs = 0;
  #incarnation = 0;
  #horizon: string | undefined;

  constructor(
    readonly name: string,
    private readonly reply: (reply: Reply) => void,
  ) {}

  handle(command: Command, draw: Draw): void {
    const { transactionId, horizon } = command;
    if (this.#horizon === undefined || isBelow(this.#horizon, horizon)) this.#horizon = horizon;
    switch (command.type) {
      case 'prepare':
        return this.#prepare(command, draw);
      case 'execute':
        return this.#execute(command, draw);
      case 'commit':
        return this.#commit(transactionId);
      case 'rollback':
        return this.#rollback(transactionId, command.presumed);
    }
  }

  /** D6: until it hears a decision. */
  repeatVotes(): void {
    for (const [id, row] of this.rows) if (row.state === 'prepared') this.#vote(id, 'prepared', row.results, null);
  }

  restart(): void {
    for (const row of this.rows.values()) row.results = null;
    this.#sessions.clear();
  }

  /** S8: rows of decided transactions below the horizon go. */
  collectGarbage(): void {
    for (const [id, row] of this.rows) if (row.state !== 'prepared' && this.#isBelowHorizon(id)) this.rows.delete(id);
  }

  #prepare(command: Extract<Command, { type: 'prepare' }>, draw: Draw): void {
    const { transactionId: id, operations } = command;
    const incarnation = parseTransactionId(id)?.incarnation ?? 0;
    if (incarnation < this.#incarnation) return this.#refuse(id, 'stale-incarnation'); // D1
    this.#incarnation = incarnation;
    const row = this.rows.get(id);
    if (row?.state === 'committed') return;
    if (row?.state === 'aborted') return this.#refuse(id, 'already-rolled-back');
    if (row) return this.#vote(id, 'prepared', row.results, null);
    if (this.#isBelowHorizon(id)) return this.#refuse(id, 'below-horizon');
    const session = this.#sessions.get(id);
    const mark = session && { nonce: session.nonce, executed: session.results.length };
    if (JSON.stringify(mark) !== JSON.stringify(command.session)) return this.#refuse(id, 'participant-restarted');
    const results = operations.map(({ branchId, operation }) => {
      return { branchId, operation, result: `${operation} ${id}` }; // a read-only one may run again and tell the same
    });
    const all = [...(session?.results ?? []), ...results];
    this.work.set(id, all);
    if (all.every(({ operation }) => operation === 'read')) return this.#vote(id, 'read-only', results, null);
    if (draw.chance(0.12)) return this.#refuse(id, 'lock-timeout');
    this.#sessions.delete(id);
    this.rows.set(id, { state: 'prepared', results });
    this.#vote(id, 'prepared', results, null);
  }

  #execute(command: Extract<Command, { type: 'execute' }>, draw: Draw): void {
    const { transactionId: id, number, nonce, call } = command;
    const refuse = (code: string) => this.#executed(command, nonce ?? 'none', null, code);
    if (this.rows.has(id) || this.#isBelowHorizon(id)) return refuse('already-decided');
    let session = this.#sessions.get(id);
    if (!session && number === 1) {
      this.#runs += 1;
      session = { nonce: `${this.name} ${this.#runs}`, results: [] };
      this.#sessions.set(id, session);
    }
    if (!session || (number > 1 && session.nonce !== nonce)) return refuse('participant-restarted');
    if (number > session.results.length + 1) return refuse('out-of-order');
    if (number > session.results.length) {
      if (draw.chance(0.06)) {
        this.#sessions.delete(id);
        return refuse('insufficient-funds');
      }
      this.#runs += 1; // every run gives another result, so that one that ran twice shows
      const { branchId, operation } = call;
      session.results.push({ branchId, operation, result: `${operation} ${id} ${this.#runs}` });
    }
    this.#executed(command, session.nonce, session.results[number - 1]?.result, null);
  }

  #executed(
    { transactionId, number, call: { branchId } }: Extract<Command, { type: 'execute' }>,
    nonce: string,
    result: unknown,
    code: string | null,
  ): void {
    const reason = code === null ? null : { code, message: code, retryable: true };
    const base = { v: 1, type: 'executed', participant: this.name } as const;
    this.reply({ ...base, transactionId, branchId, number, nonce, result, reason });
  }

  #commit(id: string): void {
    const row = this.rows.get(id);
    if (row ? row.state === 'aborted' : !this.#isBelowHorizon(id)) return this.#hazard(id, 'told to commit');
    if (row) this.#finalise(id, row, 'committed');
    this.#done(id, 'committed');
  }

  #rollback(id: string, presumed: boolean): void {
    this.#sessions.delete(id);
    const row = this.rows.get(id);
    if (row?.state === 'committed')
      return presumed ? this.#done(id, 'committed') : this.#hazard(id, 'told to roll back');
    if (row) this.#finalise(id, row, 'aborted');
    else if (!this.#isBelowHorizon(id)) this.#finalise(id, { state: 'aborted', results: null }, 'aborted');
    this.#done(id, 'rolled-back');
  }

  #finalise(id: string, row: Row, outcome: 'committed' | 'aborted'): void {
    row.state = outcome;
    this.rows.set(id, row);
    const before = this.history.get(id);
    if (before !== undefined && before !== outcome)
      throw new Error(`${this.name}: ${id} was ${before}, now ${outcome}`);
    this.history.set(id, outcome);
  }

  #isBelowHorizon(id: string): boolean {
    return this.#horizon !== undefined && isBelow(id, this.#horizon);
  }

  #refuse(id: string, code: string): void {
    const reason: Reason = { code, message: code, retryable: true, participant: this.name };
    this.#vote(id, 'refused', null, reason);
  }

  #vote(
    transactionId: string,
    vote: 'prepared' | 'read-only' | 'refused',
    results: Row['results'],
    reason: Reason | null,
  ): void {
    this.reply({ v: 1, type: 'vote', participant: this.name, transactionId, vote, results, reason });
  }

  #done(transactionId: string, outcome: 'committed' | 'rolled-back'): void {
    this.reply({ v: 1, type: 'done', participant: this.name, transactionId, outcome, detail: null });
  }

  #hazard(transactionId: string, detail: string): void {
    this.hazards.push(`${transactionId} ${detail}`);
    this.reply({ v: 1, type: 'done', participant: this.name, transactionId, outcome: 'hazard', detail });
  }
}
