import { type Command, formatTransactionId, parseTransactionId, type Reply, type Vote } from '@concordat/protocol';
import {
  beginCoordination,
  branchRecords,
  type Coordination,
  recordOf,
  resumeCoordination,
} from '../src/coordination.js';
import type { Entry } from '../src/entries.js';
import { type Change, compareRecords } from '../src/ledger.js';
import type { IdempotencyClaim, TransactionRecord } from '../src/record.js';
import { type CoordinationEvent, type Effect, step } from '../src/transitions.js';

export interface LeaderSurroundings {
  readonly propose: (entry: Entry) => void;
  readonly send: (command: Command) => void;
  readonly answer: (answer: Answer) => void;
  readonly find: (id: string) => TransactionRecord | undefined;
  readonly now: () => number;
  readonly random: () => number;
}

/** What a caller was told of its commit or rollback. */
export interface Answer {
  readonly id: string;
  readonly outcome: 'committed' | 'aborted';
  readonly claim: IdempotencyClaim | undefined;
}

interface Call {
  readonly id: string;
  readonly claim: IdempotencyClaim | undefined;
}

const DEADLINE_MS = 20_000;

/** The least that drives coordinations as the design asks a leader to: the engine's leader without ports and timers. */
export class LeaderModel {
  readonly live = new Map<string, { t: Coordination; dueAt: number }>();
  readonly hazards: string[] = [];
  readonly underWay = new Map<string, string>();
  ready = false;
  #incarnation = 0;
  #sequence = 0;
  #calls: Call[] = [];
  #forgettable: { id: string; hazards: readonly string[] }[] = [];

  constructor(
    readonly term: number,
    private readonly surroundings: LeaderSurroundings,
  ) {}

  resume(decided: Iterable<TransactionRecord>, incarnation: number): void {
    this.ready = true;
    this.#incarnation = incarnation;
    for (const record of [...decided].sort(compareRecords)) {
      this.live.set(record.id, { t: resumeCoordination(record), dueAt: 0 });
      this.advance(record.id, { type: 'due' });
    }
  }

  begin(branches: readonly { participant: string; operation: string }[], claim: IdempotencyClaim | undefined): string {
    this.#sequence += 1;
    const id = formatTransactionId({ incarnation: this.#incarnation, term: this.term, sequence: this.#sequence });
    const createdAt = this.surroundings.now();
    const deadlineAt = createdAt + DEADLINE_MS;
    const fixed = { isolation: 'local', serializable: false, label: null, caller: 'c', snapshot: null } as const;
    const t = beginCoordination({ id, ...fixed, createdAt, deadlineAt }, claim ? [claim] : []);
    this.live.set(id, { t, dueAt: deadlineAt });
    for (const branch of branches) this.enlist(id, branch);
    if (claim) this.underWay.set(claim.key, id);
    this.surroundings.propose({ type: 'begin', header: t.header, branches: branchRecords(t), claims: t.claims });
    return id;
  }

  enlist(id: string, { participant, operation }: { participant: string; operation: string }): void {
    const branchId = String((this.live.get(id)?.t.branches.length ?? 0) + 1);
    this.advance(id, { type: 'enlist', participant, call: { branchId, operation, input: null } });
  }

  /** A commit or rollback of a caller; answered by `#answerCalls`, as far as the transaction is settled (D4). */
  call(id: string, event: CoordinationEvent, claim: IdempotencyClaim | undefined): void {
    this.#calls.push({ id, claim });
    this.advance(id, event);
  }

  advance(id: string, event: CoordinationEvent): void {
    const live = this.live.get(id);
    if (!live) return;
    const { now, random } = this.surroundings;
    for (const effect of step(live.t, event, { now: now(), random: random() })) this.#carryOut(live, effect);
    this.#answerCalls(live.t);
  }

  onReply(reply: Reply): void {
    if (reply.type === 'heartbeat' || reply.type === 'branches' || reply.type === 'executed') return;
    const { transactionId } = reply;
    if (reply.type === 'done') return this.advance(transactionId, reply);
    if (this.live.has(transactionId)) return this.advance(transactionId, { type: 'vote', vote: reply });
    if (reply.vote === 'prepared') this.#answerUnknown(reply);
  }

  onChange(change: Change): void {
    for (const record of change.transactions) {
      const live = this.live.get(record.id);
      if (!live) continue;
      if (record.decidedIndex === change.index) this.advance(record.id, { type: 'applied', record });
      if (record.status === 'completed') this.live.delete(record.id);
    }
  }

  wakeDue(): void {
    for (const { t, dueAt } of [...this.live.values()]) {
      if (dueAt <= this.surroundings.now()) this.advance(t.header.id, { type: 'due' });
    }
  }

  forget(): void {
    const transactions = this.#forgettable.splice(0);
    if (transactions.length > 0)
      this.surroundings.propose({ type: 'forget', at: this.surroundings.now(), transactions });
  }

  hasIssued(id: string): boolean {
    const parts = parseTransactionId(id);
    return parts?.incarnation === this.#incarnation && parts.term === this.term && parts.sequence <= this.#sequence;
  }

  #carryOut(live: { t: Coordination; dueAt: number }, effect: Effect): void {
    const { id } = live.t.header;
    if (effect.type === 'propose') return this.surroundings.propose(effect.entry);
    if (effect.type === 'send')
      return this.surroundings.send(this.#command(live.t, effect.command, effect.participant));
    if (effect.type === 'wake') live.dueAt = effect.at;
    if (effect.type === 'forget') this.#forgettable.push({ id, hazards: effect.hazards });
    if (effect.type === 'hazard') this.hazards.push(`${id} ${effect.participant}: ${effect.detail}`);
  }

  #command(t: Coordination, type: 'prepare' | 'commit' | 'rollback', participant: string): Command {
    const { id: transactionId, isolation, serializable, snapshot } = t.header;
    const base = { v: 1, transactionId, participant, horizon: this.#horizon() } as const;
    if (type === 'commit') return { ...base, type, csn: t.csn as number };
    if (type === 'rollback') return { ...base, type, presumed: false };
    const operations = t.works.get(participant)?.operations ?? [];
    return { ...base, type, isolation, serializable, snapshot, remainingMs: 1000, operations };
  }

  #horizon(): string {
    const next = { incarnation: this.#incarnation, term: this.term, sequence: this.#sequence + 1 };
    return this.live.keys().next().value ?? formatTransactionId(next);
  }

  /** D6, as in the engine. */
  #answerUnknown({ transactionId, participant }: Vote): void {
    const id = parseTransactionId(transactionId);
    const mine = id?.incarnation === this.#incarnation && (id.term < this.term || this.hasIssued(transactionId));
    if (!mine || !this.ready) return;
    const record = this.surroundings.find(transactionId);
    const base = { v: 1, transactionId, participant, horizon: this.#horizon() } as const;
    const named = record?.branches.some((branch) => branch.participant === participant && branch.status !== 'refused');
    if (record?.outcome === 'committed' && named) {
      this.surroundings.send({ ...base, type: 'commit', csn: record.csn as number });
    } else {
      this.surroundings.send({ ...base, type: 'rollback', presumed: record === undefined });
    }
  }

  #answerCalls(t: Coordination): void {
    if (t.state === 'active' || t.state === 'preparing' || t.state === 'committing') return;
    const { outcome } = recordOf(t);
    this.#calls = this.#calls.filter(({ id, claim }) => {
      if (id !== t.header.id || (claim && t.state === 'aborting')) return true;
      this.surroundings.answer({ id, outcome: outcome as 'committed' | 'aborted', claim });
      return false;
    });
  }
}
