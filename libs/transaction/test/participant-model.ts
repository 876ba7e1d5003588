import { type Command, isBelow, parseTransactionId, type Reason, type Reply } from '@concordat/protocol';
import type { Draw } from './draw.js';

export interface Row {
  state: 'prepared' | 'committed' | 'aborted';
  /** Lost by a restart. */
  results: { branchId: string; result: unknown }[] | null;
}

/**
 * A participant as the wire contract describes it: rows are durable, results of operations are not; commands come in any
 * order and any number of times. An operation called `read` has no second phase; others refuse now and then.
 */
export class ParticipantModel {
  readonly rows = new Map<string, Row>();
  /** What it ever finalised each transaction as; rows are collected, history is not. */
  readonly history = new Map<string, 'committed' | 'aborted'>();
  readonly hazards: string[] = [];
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
    const results = operations.map(({ branchId, operation }) => ({ branchId, result: `${operation} ${id}` }));
    if (operations.every(({ operation }) => operation === 'read')) return this.#vote(id, 'read-only', results, null);
    if (draw.chance(0.12)) return this.#refuse(id, 'lock-timeout');
    this.rows.set(id, { state: 'prepared', results });
    this.#vote(id, 'prepared', results, null);
  }

  #commit(id: string): void {
    const row = this.rows.get(id);
    if (row ? row.state === 'aborted' : !this.#isBelowHorizon(id)) return this.#hazard(id, 'told to commit');
    if (row) this.#finalise(id, row, 'committed');
    this.#done(id, 'committed');
  }

  #rollback(id: string, presumed: boolean): void {
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
