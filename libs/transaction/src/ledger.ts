/**
 * The ledger: the replicated state machine. It turns decision-log entries, in order, into state.
 *
 * Owns: which transactions are known, which outcome each has, which idempotency key is bound to which transaction,
 * which participants are registered. Does not own: votes, timers, messages (the leader's `coordination.ts`), storage.
 *
 * Invariants:
 * - L1 Applying is deterministic: no clock, no randomness, no I/O (D9). Equal entries give equal ledgers.
 * - L2 An outcome, once applied, never changes.
 * - L3 A COMMIT or ABORT of a transaction of term t is accepted from an entry of term t only (D2); so the first entry of
 *   a later term settles every undecided transaction of earlier terms as aborted.
 * - L4 CSNs grow with the log and never go backwards across incarnations.
 */
import { type LockChange, type LockState, LockTable } from '@concordat/locks';
import { assertNever, compareTransactionIds, parseTransactionId, type Reason } from '@concordat/protocol';
import { abortedRecord, completedRecord, needsFinalising } from './decided-records.js';
import type {
  AbortEntry,
  BeginEntry,
  CommitEntry,
  Entry,
  ForgetEntry,
  LeaseEntry,
  OperatorEntry,
  ReconcileEntry,
  TermEntry,
} from './entries.js';
import { FORMAT_VERSION, formatVersionOf } from './formats.js';
import { type HazardChanges, type HazardRecord, OpenHazards } from './hazards.js';
import { isOlder, reconciledRecord } from './reconciliation.js';
import type {
  IdempotencyClaim,
  KeyRecord,
  MemberRecord,
  ParticipantRecord,
  SnapshotLease,
  TransactionHeader,
  TransactionRecord,
} from './record.js';
import {
  applyConfirm,
  applyHazards,
  applyOperator,
  type Ending,
  type OperatorAction,
  resolvedReason,
} from './resolution.js';

/** What applying one entry changed; the persister, the event publisher and the leader read it. */
export interface Change {
  readonly index: number;
  readonly term: number;
  readonly transactions: readonly TransactionRecord[];
  readonly keys: readonly KeyRecord[];
  readonly participants: readonly ParticipantRecord[];
  readonly members: readonly MemberRecord[];
  readonly prune: { readonly completedBefore: number; readonly keysBefore: number } | null;
  /** Reconciliation with the participants ended here. */
  readonly reconciled?: boolean;
  readonly leased?: SnapshotLease;
  /** Ids of leases that ended here. */
  readonly released?: readonly string[];
  /** Whether the entry was a FORGET; what it names may have been completed before. */
  readonly forgot?: boolean;
  readonly hazards?: HazardChanges;
  readonly action?: OperatorAction;
  readonly locks?: LockChange & { readonly request: string };
}

export interface LedgerState {
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  /** 0 before the first entry of a term. */
  readonly incarnation: number;
  readonly publishedIndex: number;
  /** After a restore: whether transactions of earlier incarnations wait for the word of their participants. */
  readonly reconciliation?: 'pending' | 'done' | null;
  readonly transactions: readonly TransactionRecord[];
  readonly participants: readonly ParticipantRecord[];
  readonly members: readonly MemberRecord[];
  /** Newest last. */
  readonly keys: readonly KeyRecord[];
  /** In the order of their CSNs. */
  readonly leases?: readonly SnapshotLease[];
  /** Those that are open. */
  readonly hazards?: readonly HazardRecord[];
  readonly locks?: LockState;
}

/** CSNs of incarnation i begin above i × 1024: far above all of an earlier incarnation, still safe integers (design §2). */
export const csnOf = (incarnation: number, index: number): number => incarnation * 1024 + index;

export const leaderChanged: Reason = {
  code: 'leader-changed',
  message: 'The coordinator that drove the transaction lost leadership before it was decided.',
  retryable: true,
};

const keyName = (caller: string, key: string): string => `${caller}\u0000${key}`;

export class Ledger {
  appliedIndex = 0;
  appliedTerm = 0;
  incarnation = 0;
  publishedIndex = 0;
  /** After a restore: while it is pending, nothing is presumed of earlier incarnations; null where nothing was restored. */
  reconciliation: 'pending' | 'done' | null = null;
  /** Transactions that are not forgotten, oldest first. */
  readonly live = new Map<string, TransactionRecord>();
  readonly participants = new Map<string, ParticipantRecord>();
  /** Members of the cluster by their id in the log, the removed ones too: their ids never return. */
  readonly members = new Map<number, MemberRecord>();
  /** The highest format of entries that every member understands. */
  formatVersion = FORMAT_VERSION;
  /** Leased snapshots, oldest first. */
  readonly leases = new Map<string, SnapshotLease>();
  readonly locks = new LockTable();
  readonly hazards = new OpenHazards();
  readonly #keys = new Map<string, KeyRecord>();
  /** True while memory holds every key that has not expired; false once the oldest had to make room. */
  keysComplete = true;

  /** @param keysMax bound on the idempotency keys kept in memory; older ones are looked up in Postgres */
  constructor(
    state: LedgerState,
    readonly keysMax: number,
  ) {
    this.load(state);
  }

  /** Replaces everything: at start, and when a snapshot of another member takes the place of the log. */
  load(state: LedgerState): void {
    for (const map of [this.live, this.participants, this.members, this.leases, this.hazards, this.#keys]) map.clear();
    this.appliedIndex = state.appliedIndex;
    this.appliedTerm = state.appliedTerm;
    this.incarnation = state.incarnation;
    this.publishedIndex = state.publishedIndex;
    this.reconciliation = state.reconciliation ?? null;
    this.keysComplete = state.keys.length < this.keysMax;
    for (const record of state.transactions) this.live.set(record.id, record);
    for (const participant of state.participants) this.participants.set(participant.name, participant);
    for (const member of state.members) this.members.set(member.raftId, member);
    this.formatVersion = formatVersionOf(this.members.values());
    for (const key of state.keys) this.#keys.set(keyName(key.caller, key.key), key);
    for (const lease of state.leases ?? []) this.leases.set(lease.id, lease);
    for (const hazard of state.hazards ?? []) this.hazards.open(hazard);
    this.locks.load(state.locks ?? { holds: [], sessions: [] });
  }

  /** The snapshot of everything that is applied: every COMMIT that comes later has a larger number (L4). */
  get appliedCsn(): number {
    return csnOf(this.incarnation, this.appliedIndex);
  }

  findKey(caller: string, key: string): KeyRecord | undefined {
    return this.#keys.get(keyName(caller, key));
  }

  /**
   * Applies the entry at `index`. Entries come in order; what the log writes for itself is left out.
   * @returns what changed; an entry that is refused (L2, L3) changes nothing
   * @throws Error when the log repeats an index, which is a bug of its caller
   */
  apply(index: number, term: number, entry: Entry | undefined): Change {
    if (index <= this.appliedIndex) throw new Error(`entry ${index} does not follow ${this.appliedIndex}`);
    if (entry?.type === 'term') this.#checkBeginning(entry);
    this.appliedIndex = index;
    this.appliedTerm = term;
    const none: Change = { index, term, transactions: [], keys: [], participants: [], members: [], prune: null };
    if (entry === undefined) return none; // an empty entry, as a Raft leader writes at the start of its term
    switch (entry.type) {
      case 'term':
        return { ...none, transactions: this.#applyTerm(index, term, entry) };
      case 'begin':
        return { ...none, ...this.#applyBegin(term, entry) };
      case 'commit':
        return { ...none, ...this.#applyCommit(index, term, entry) };
      case 'abort':
        return { ...none, ...this.#applyAbort(index, term, entry) };
      case 'forget':
        return { ...none, transactions: this.#applyForget(entry), forgot: true };
      case 'participant': {
        const participant = { ...entry.descriptor, registeredAt: entry.at };
        this.participants.set(participant.name, participant);
        return { ...none, participants: [participant] };
      }
      case 'member': {
        if (this.members.get(entry.member.raftId)?.removed) return none;
        this.members.set(entry.member.raftId, entry.member);
        this.formatVersion = formatVersionOf(this.members.values());
        return { ...none, members: [entry.member] };
      }
      case 'reconcile':
        return { ...none, transactions: this.#applyReconcile(index, entry) };
      case 'reconciled':
        if (this.reconciliation === 'pending') this.reconciliation = 'done';
        return { ...none, reconciled: this.reconciliation === 'done' };
      case 'lease':
        return { ...none, leased: this.#applyLease(index, entry) };
      case 'release':
        return { ...none, released: entry.ids.filter((id) => this.leases.delete(id)) };
      case 'lock': {
        const change = this.locks.apply(entry.action, csnOf(this.incarnation, index), entry.at);
        return { ...none, locks: { ...change, request: entry.request } };
      }
      case 'hazard':
        return { ...none, ...applyHazards(this, entry) };
      case 'operator':
        return { ...none, ...applyOperator(this, csnOf(this.incarnation, index), entry, this.#ending(index, entry)) };
      case 'confirm':
        return { ...none, ...applyConfirm(this, entry) };
      case 'published':
        this.publishedIndex = Math.max(this.publishedIndex, entry.index);
        return none;
      case 'prune':
        this.#expireKeys(entry.keysBefore);
        return { ...none, prune: { completedBefore: entry.completedBefore, keysBefore: entry.keysBefore } };
      default:
        return assertNever(entry);
    }
  }

  /**
   * The state that a log begins upon must be the same everywhere: after a restore every first replica holds it.
   * @throws Error where this replica began with another state than the leader
   */
  #checkBeginning({ begun }: TermEntry): void {
    const isFirst = this.appliedTerm === 0;
    if (begun === undefined || begun === this.incarnation || (!isFirst && (begun === 0 || this.incarnation !== 0)))
      return;
    throw new Error(
      `this replica began with incarnation ${this.incarnation}, its leader with ${begun}: one of them lacks the restored ` +
        'state. Restore the databases of all first replicas from the same backup with the same incarnation.',
    );
  }

  /** How records end by an operator's word. */
  #ending(index: number, { at, actor, reason }: OperatorEntry): Ending {
    return {
      complete: (record) => this.#complete(record, at, []),
      reconcile: (one) =>
        this.#applyReconcile(index, { type: 'reconcile', at, transactions: [one] }, resolvedReason(actor, reason)),
    };
  }

  /** Of earlier incarnations only; whatever was decided before stays (L2). */
  #applyReconcile(index: number, { at, transactions }: ReconcileEntry, reason?: Reason): TransactionRecord[] {
    const changed: TransactionRecord[] = [];
    for (const one of transactions) {
      const { id } = one.header;
      if (!isOlder(id, this.incarnation)) continue;
      const record = reconciledRecord(this.live.get(id), one, { index, at, ownCsn: csnOf(this.incarnation, index) });
      if (!record) continue;
      if (record.outcome === null) this.live.delete(id);
      changed.push(record.outcome === null ? record : this.#settle(reason ? { ...record, reason } : record));
    }
    return changed;
  }

  #applyLease(index: number, { id, ttlMs, at }: LeaseEntry): SnapshotLease {
    const lease = { id, csn: csnOf(this.incarnation, index), createdAt: at, ttlMs };
    this.leases.set(id, lease);
    return lease;
  }

  #applyTerm(index: number, term: number, entry: TermEntry): TransactionRecord[] {
    this.incarnation ||= entry.incarnation; // D1: the first term entry of all names the incarnation
    const settled: TransactionRecord[] = [];
    for (const record of this.live.values()) {
      const id = parseTransactionId(record.id);
      // What an earlier incarnation left undecided is not presumed aborted: its participants are asked (design §2).
      if (record.outcome !== null || id?.incarnation !== this.incarnation || id.term >= term) continue;
      settled.push(this.#settle(abortedRecord(record, record.branches, leaderChanged, index, entry.at)));
    }
    return settled;
  }

  #applyBegin(term: number, entry: BeginEntry): Pick<Change, 'transactions' | 'keys'> {
    const { header } = entry;
    if (this.live.has(header.id) || !this.#isOfTerm(header, term)) return { transactions: [], keys: [] };
    const record: TransactionRecord = {
      ...header,
      status: 'active',
      outcome: null,
      csn: null,
      decidedIndex: null,
      decidedAt: null,
      completedAt: null,
      reason: null,
      branches: entry.branches,
    };
    this.live.set(header.id, record);
    return { transactions: [record], keys: this.#bind(entry.claims, header.id, header.createdAt) };
  }

  #applyCommit(index: number, term: number, entry: CommitEntry): Pick<Change, 'transactions' | 'keys'> {
    const known = this.live.get(entry.header.id);
    // D2: only an entry of the transaction's own term decides it. D3: the state machine checks again when applying.
    if (!this.#isOfTerm(entry.header, term) || (known && known.outcome !== null)) return { transactions: [], keys: [] };
    const record = this.#settle({
      ...entry.header,
      status: 'committed',
      outcome: 'committed',
      csn: csnOf(this.incarnation, index),
      decidedIndex: index,
      decidedAt: entry.at,
      completedAt: null,
      reason: null,
      branches: entry.branches,
    });
    return { transactions: [record], keys: this.#bind(entry.claims, record.id, entry.at) };
  }

  #applyAbort(index: number, term: number, entry: AbortEntry): Pick<Change, 'transactions' | 'keys'> {
    const known = this.live.get(entry.header.id);
    // D2 again: what an earlier term left open was settled by this term's first entry, and may be forgotten by now.
    if (!this.#isOfTerm(entry.header, term) || (known && known.outcome !== null)) return { transactions: [], keys: [] };
    const record = this.#settle(abortedRecord(entry.header, entry.branches, entry.reason, index, entry.at));
    return { transactions: [record], keys: this.#bind(entry.claims, record.id, entry.at) };
  }

  #applyForget(entry: ForgetEntry): TransactionRecord[] {
    const completed: TransactionRecord[] = [];
    for (const { id, hazards } of entry.transactions) {
      const record = this.live.get(id);
      if (record?.outcome) completed.push(this.#complete(record, entry.at, hazards));
    }
    return completed;
  }

  /** Stores a decided record; one with nothing left to finalise is completed at once. */
  #settle(record: TransactionRecord): TransactionRecord {
    const outcome = record.outcome as 'committed' | 'aborted';
    if (!record.branches.some((branch) => needsFinalising(outcome, branch))) {
      return this.#complete(record, record.decidedAt as number, []);
    }
    this.live.set(record.id, record);
    return record;
  }

  #complete(record: TransactionRecord, at: number, hazards: readonly string[]): TransactionRecord {
    this.live.delete(record.id);
    return completedRecord(record, at, hazards);
  }

  #isOfTerm(header: TransactionHeader, term: number): boolean {
    const id = parseTransactionId(header.id);
    return id !== undefined && id.incarnation === this.incarnation && id.term === term;
  }

  #bind(claims: readonly IdempotencyClaim[], transactionId: string, at: number): KeyRecord[] {
    const bound: KeyRecord[] = [];
    for (const claim of claims) {
      const name = keyName(claim.caller, claim.key);
      if (this.#keys.has(name)) continue; // bound once, for as long as it lives
      const record = { ...claim, transactionId, createdAt: at };
      this.#keys.set(name, record);
      bound.push(record);
    }
    while (this.#keys.size > this.keysMax) {
      this.#keys.delete(this.#keys.keys().next().value as string);
      this.keysComplete = false;
    }
    return bound;
  }

  #expireKeys(before: number): void {
    // All of them are looked at: leaders' clocks differ, so keys are not bound in the order of their times (D9).
    for (const [name, record] of this.#keys) if (record.createdAt < before) this.#keys.delete(name);
  }
}

/** Orders records as they began. */
export function compareRecords(a: TransactionRecord, b: TransactionRecord): number {
  const left = parseTransactionId(a.id);
  const right = parseTransactionId(b.id);
  return left && right ? compareTransactionIds(left, right) : 0;
}
