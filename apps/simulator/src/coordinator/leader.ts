/**
 * The leader of one term: drives coordinations by the rules of libs/transaction, as the coordinator's engine does, but
 * synchronously. Whoever owns it carries out nothing of a leader that was thrown away.
 */
import {
  type Command,
  formatTransactionId,
  parseTransactionId,
  type Reason,
  type Reply,
  type Vote,
} from '@concordat/protocol';
import {
  beginCoordination,
  branchRecords,
  type Change,
  type Coordination,
  type CoordinationEvent,
  compareRecords,
  type Effect,
  type Entry,
  isRunning,
  type Ledger,
  recordOf,
  resumeCoordination,
  type SentCommand,
  step,
  type TransactionRecord,
} from '@concordat/transaction';
import type { BeginCall, CallAnswer, Operation } from '../messages.js';

export interface LeaderPorts {
  readonly propose: (entry: Entry) => void;
  readonly send: (command: Command) => void;
  readonly find: (id: string) => TransactionRecord | undefined;
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly ledger: Pick<Ledger, 'appliedCsn'>;
  readonly hazard: (text: string) => void;
}

type AnswerCall = (answer: CallAnswer) => void;

interface Waiter {
  readonly answer: AnswerCall;
  /** Of an operation that runs at once; undefined where the outcome is waited for. */
  readonly execute: { readonly participant: string; readonly branchId: string } | undefined;
  /** D4: an abort of a call with a key is answered once its entry is applied. */
  readonly keyed: boolean;
}

interface Live {
  readonly t: Coordination;
  dueAt: number;
  waiters: Waiter[];
}

const CALLER = 'c';

export class Leader {
  /** False until the first entry of this term is applied (D2). */
  ready = false;
  readonly #live = new Map<string, Live>();
  /** Key → transaction of this term that nobody has applied yet. */
  readonly #underWay = new Map<string, string>();
  #incarnation = 0;
  #sequence = 0;
  #forgettable: { id: string; hazards: readonly string[] }[] = [];

  constructor(
    readonly term: number,
    private readonly ports: LeaderPorts,
  ) {}

  get liveCount(): number {
    return this.#live.size;
  }

  get(id: string): Coordination | undefined {
    return this.#live.get(id)?.t;
  }

  resume(decided: Iterable<TransactionRecord>, incarnation: number): void {
    this.ready = true;
    this.#incarnation = incarnation;
    for (const record of [...decided].sort(compareRecords)) {
      if (record.outcome === null) continue;
      const live: Live = { t: resumeCoordination(record), dueAt: 0, waiters: [] };
      this.#live.set(record.id, live);
      this.#advance(live, { type: 'due' });
    }
  }

  /** @param known the transaction that the key is bound to already */
  begin(call: BeginCall, known: string | undefined, answer: AnswerCall): void {
    const { key, isolation, serializable, timeoutMs, operations } = call;
    const before = key === null ? undefined : (known ?? this.#underWay.get(key));
    if (before !== undefined) return this.await(before, answer, true);
    this.#sequence += 1;
    const id = formatTransactionId({ incarnation: this.#incarnation, term: this.term, sequence: this.#sequence });
    const createdAt = this.ports.now();
    const snapshot = this.ports.ledger.appliedCsn;
    const deadlineAt = createdAt + timeoutMs;
    const header = { id, isolation, serializable, label: null, caller: CALLER, snapshot, createdAt, deadlineAt };
    const claims = key === null ? [] : [{ caller: CALLER, key, requestHash: 'h' }];
    const live: Live = { t: beginCoordination(header, claims), dueAt: deadlineAt, waiters: [] };
    this.#live.set(id, live);
    if (key !== null) this.#underWay.set(key, id);
    for (const one of operations) this.#advance(live, { type: 'enlist', ...callOf(live.t, one) });
    this.ports.propose({ type: 'begin', header, branches: branchRecords(live.t), claims });
    if (key === null) return answer({ type: 'begun', id });
    this.#wait(live, answer, true);
    this.#advance(live, { type: 'commit', claims: [] });
  }

  execute(id: string, operation: Operation, answer: AnswerCall): void {
    const live = this.#live.get(id);
    if (live?.t.state !== 'active') return this.await(id, answer);
    const { participant, call } = callOf(live.t, operation);
    live.waiters.push({ answer, execute: { participant, branchId: call.branchId }, keyed: false });
    this.#advance(live, { type: 'execute', participant, call });
  }

  /** Commit or rollback of a transaction that was left open. */
  settle(id: string, type: 'commit' | 'rollback', answer: AnswerCall): void {
    const live = this.#live.get(id);
    if (!live) return this.await(id, answer);
    if (type === 'commit' && live.t.state === 'active' && !isCommittable(live.t)) {
      return answer({ type: 'refused', code: 'operation-running' });
    }
    this.#wait(live, answer, false);
    const reason: Reason = { code: 'rolled-back', message: '', retryable: false };
    this.#advance(live, type === 'commit' ? { type, claims: [] } : { type: 'abort', reason, claims: [] });
  }

  /** Answers with the outcome, as soon as there is one. */
  await(id: string, answer: AnswerCall, keyed = false): void {
    const live = this.#live.get(id);
    if (!live) return answer(this.#read(id));
    this.#wait(live, answer, keyed);
    this.#wake(live);
  }

  /** What is known now (D8). */
  read(id: string): CallAnswer {
    const { outcome } = this.#live.has(id) ? recordOf(this.#live.get(id)?.t as Coordination) : { outcome: undefined };
    return outcome === null ? { type: 'undecided' } : this.#read(id);
  }

  onReply(reply: Reply): void {
    if (reply.type === 'heartbeat' || reply.type === 'branches') return;
    const live = this.#live.get(reply.transactionId);
    if (!live) {
      if (reply.type === 'vote' && reply.vote === 'prepared') this.#answerUnknown(reply);
      return;
    }
    if (reply.type === 'executed') this.#advance(live, { type: 'executed', reply });
    else if (reply.type === 'done') this.#advance(live, reply);
    else this.#advance(live, { type: 'vote', vote: reply });
  }

  onChange(change: Change): void {
    for (const record of change.transactions) {
      const live = this.#live.get(record.id);
      if (!live) continue;
      if (record.decidedIndex === change.index) this.#advance(live, { type: 'applied', record });
      if (record.status === 'completed') this.#live.delete(record.id);
    }
  }

  /** To be called again and again: wakes what is due, and forgets in batches (D7). */
  poll(): void {
    const now = this.ports.now();
    for (const live of [...this.#live.values()]) if (live.dueAt <= now) this.#advance(live, { type: 'due' });
    const transactions = this.#forgettable.splice(0);
    if (transactions.length > 0) this.ports.propose({ type: 'forget', at: now, transactions });
  }

  #wait(live: Live, answer: AnswerCall, keyed: boolean): void {
    live.waiters.push({ answer, execute: undefined, keyed });
  }

  #advance(live: Live, event: CoordinationEvent): void {
    const context = { now: this.ports.now(), random: this.ports.random() };
    for (const effect of step(live.t, event, context)) this.#carryOut(live, effect);
    this.#wake(live);
  }

  #carryOut(live: Live, effect: Effect): void {
    const { id } = live.t.header;
    switch (effect.type) {
      case 'propose':
        return this.ports.propose(effect.entry);
      case 'send':
        return this.ports.send(this.#command(live.t, effect.command, effect.participant));
      case 'wake':
        live.dueAt = effect.at;
        return;
      case 'forget':
        this.#forgettable.push({ id, hazards: effect.hazards });
        return;
      case 'hazard':
        return this.ports.hazard(`${id} at ${effect.participant}: ${effect.detail}`);
    }
  }

  #command(t: Coordination, type: SentCommand, participant: string): Command {
    const { id: transactionId, isolation, serializable, snapshot } = t.header;
    const base = { v: 1, transactionId, participant, ...this.#frame() } as const;
    if (type === 'commit') return { ...base, type, csn: t.csn as number };
    if (type === 'rollback') return { ...base, type, presumed: false };
    const { operations = [], session = null } = t.works.get(participant) ?? {};
    const remainingMs = Math.max(0, t.header.deadlineAt - this.ports.now());
    if (type === 'execute') {
      const [call] = session?.queue ?? [];
      if (!session || !call) throw new Error(`nothing to execute of ${transactionId} at ${participant}`);
      const number = session.executed + 1;
      return {
        ...base,
        type,
        serializable,
        snapshot: snapshot as number,
        remainingMs,
        number,
        nonce: session.nonce,
        call,
      };
    }
    const mark = session?.nonce ? { session: { nonce: session.nonce, executed: session.executed } } : {};
    return { ...base, ...mark, type, isolation, serializable, snapshot, remainingMs, operations: [...operations] };
  }

  /** H of D7, what is applied (S2), and the oldest snapshot in use (S7). */
  #frame() {
    const next = { incarnation: this.#incarnation, term: this.term, sequence: this.#sequence + 1 };
    const { appliedCsn } = this.ports.ledger;
    let watermark = appliedCsn;
    for (const { t } of this.#live.values()) {
      if (t.outcome === null) watermark = Math.min(watermark, t.header.snapshot ?? watermark);
    }
    return { horizon: this.#live.keys().next().value ?? formatTransactionId(next), appliedCsn, watermark };
  }

  #read(id: string): CallAnswer {
    const record = this.ports.find(id);
    if (record?.outcome) return { type: 'outcome', record };
    const parts = parseTransactionId(id);
    const isOfEarlierTerm = parts?.incarnation === this.#incarnation && parts.term < this.term;
    if (record || !this.ready || !isOfEarlierTerm) return { type: 'undecided' };
    return { type: 'outcome', record: { id, outcome: 'aborted', branches: [] } }; // D8
  }

  /** D6: a prepared branch of a transaction that this leader does not hold. */
  #answerUnknown({ transactionId, participant }: Vote): void {
    const id = parseTransactionId(transactionId);
    if (!this.ready || id?.incarnation !== this.#incarnation) return;
    const isMine = id.term < this.term || (id.term === this.term && id.sequence <= this.#sequence);
    if (!isMine) return;
    const record = this.ports.find(transactionId);
    const base = { v: 1, transactionId, participant, ...this.#frame() } as const;
    const named = record?.branches.some((branch) => branch.participant === participant && branch.status !== 'refused');
    if (record?.outcome === 'committed' && named) {
      this.ports.send({ ...base, type: 'commit', csn: record.csn as number });
    } else {
      this.ports.send({ ...base, type: 'rollback', presumed: record === undefined });
    }
  }

  #wake(live: Live): void {
    const { t } = live;
    if (live.waiters.length === 0) return;
    const waiters = live.waiters;
    live.waiters = [];
    for (const waiter of waiters) {
      const answer = this.#answerOf(t, waiter);
      if (answer) waiter.answer(answer);
      else live.waiters.push(waiter);
    }
  }

  #answerOf(t: Coordination, { execute, keyed }: Waiter): CallAnswer | undefined {
    const isOpen = t.state === 'active' || t.state === 'preparing' || t.state === 'committing';
    if (!isOpen && !(keyed && t.state === 'aborting')) return { type: 'outcome', record: recordOf(t) };
    if (!execute || isRunning(t, execute.participant, execute.branchId)) return undefined;
    const branch = t.branches.find(({ id }) => id === execute.branchId);
    return { type: 'executed', branchId: execute.branchId, result: branch?.result };
  }
}

const isCommittable = (t: Coordination): boolean =>
  t.works.size > 0 && [...t.works.values()].every(({ session }) => !session || session.queue.length === 0);

function callOf(t: Coordination, { participant, operation, input }: Operation) {
  return { participant, call: { branchId: String(t.branches.length + 1), operation, input } };
}
