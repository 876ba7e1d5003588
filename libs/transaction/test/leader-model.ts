import { type Command, formatTransactionId, parseTransactionId, type Reply, type Vote } from '@concordat/protocol';
import {
  beginCoordination,
  branchRecords,
  type Coordination,
  isRunning,
  recordOf,
  resumeCoordination,
} from '../src/coordination.js';
import type { Entry } from '../src/entries.js';
import { type Change, compareRecords } from '../src/ledger.js';
import type { IdempotencyClaim, TransactionRecord } from '../src/record.js';
import { type CoordinationEvent, type Effect, type SentCommand, step } from '../src/transitions.js';

export interface LeaderSurroundings {
  readonly propose: (entry: Entry) => void;
  readonly send: (command: Command) => void;
  readonly answer: (answer: Answer) => void;
  /** The result of an execute is told to its caller. */
  readonly tell: (told: Told) => void;
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

export interface Told {
  readonly id: string;
  readonly branchId: string;
  readonly result: unknown;
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
  #executes: { readonly id: string; readonly participant: string; readonly branchId: string }[] = [];
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
    this.advance(id, { type: 'enlist', participant, call: this.#nextCall(id, operation) });
  }

  execute(id: string, { participant, operation }: { participant: string; operation: string }): void {
    const call = this.#nextCall(id, operation);
    this.#executes.push({ id, participant, branchId: call.branchId });
    this.advance(id, { type: 'execute', participant, call });
  }

  #nextCall(id: string, operation: string) {
    return { branchId: String((this.live.get(id)?.t.branches.length ?? 0) + 1), operation, input: null };
  }

  /** A commit or rollback of a caller; answered by `#answerCalls`, as far as the transaction is settled (D4). */
  call(id: string, event: CoordinationEvent, claim: IdempotencyClaim | undefined): void {
    const call = { id, claim };
    this.#calls.push(call);
    try {
      this.advance(id, event);
    } catch (error) {
      this.#calls.splice(this.#calls.indexOf(call), 1);
      throw error;
    }
  }

  advance(id: string, event: CoordinationEvent): void {
    const live = this.live.get(id);
    if (!live) return;
    const { now, random } = this.surroundings;
    for (const effect of step(live.t, event, { now: now(), random: random() })) this.#carryOut(live, effect);
    this.#answerCalls(live.t);
    this.#answerExecutes(live.t);
  }

  onReply(reply: Reply): void {
    if (reply.type === 'heartbeat' || reply.type === 'branches') return;
    const { transactionId } = reply;
    if (reply.type === 'executed') return this.advance(transactionId, { type: 'executed', reply });
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

  #command(t: Coordination, type: SentCommand, participant: string): Command {
    const { id: transactionId, isolation, serializable, snapshot } = t.header;
    const base = { v: 1, transactionId, participant, horizon: this.#horizon() } as const;
    if (type === 'commit') return { ...base, type, csn: t.csn as number };
    if (type === 'rollback') return { ...base, type, presumed: false };
    const { operations = [], session = null } = t.works.get(participant) ?? {};
    if (type === 'execute') {
      const [call] = session?.queue ?? [];
      if (!session || !call) throw new Error(`nothing to execute of ${transactionId} at ${participant}`);
      const { nonce, executed } = session;
      return { ...base, type, serializable, snapshot: 0, remainingMs: 1000, number: executed + 1, nonce, call };
    }
    const mark = session?.nonce ? { session: { nonce: session.nonce, executed: session.executed } } : {};
    return { ...base, ...mark, type, isolation, serializable, snapshot, remainingMs: 1000, operations };
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

  /** D3: an execute is answered by its result, or by the abort of the transaction, and by nothing else. */
  #answerExecutes(t: Coordination): void {
    const { id } = t.header;
    this.#executes = this.#executes.filter((one) => {
      if (one.id !== id) return true;
      const isUnanswered = isRunning(t, one.participant, one.branchId);
      if (t.outcome === 'aborted') return false;
      if (!isUnanswered) {
        const result = t.branches.find((branch) => branch.id === one.branchId)?.result;
        this.surroundings.tell({ id, branchId: one.branchId, result });
      } else if (t.state !== 'active') throw new Error(`${id} is ${t.state} while ${one.branchId} runs`);
      return isUnanswered;
    });
  }
}
