/**
 * Writes what has been applied into Postgres, behind the decisions and in batches (design §2).
 *
 * - W1 A batch is the difference between two applied indices; a transaction that changed often is written once.
 * - W2 Postgres being slow or away delays nothing but this; the backlog is bounded, and whoever admits new work asks `full`.
 * - W3 The decision log is cut only below an index that Postgres holds durably.
 * - W4 Pruning goes on by itself, a bounded round with each batch, until nothing is left that may go.
 */
import type { LockHold, LockSession } from '@concordat/locks';
import type {
  Change,
  HazardRecord,
  KeyRecord,
  MemberRecord,
  OperatorAction,
  ParticipantRecord,
  SnapshotLease,
  TransactionRecord,
} from '@concordat/transaction';
import type { EngineLogger, EngineMetrics } from './ports.js';
import { type PersistBatch, type PersistedState, StaleWriterError, type TransactionStore } from './store.js';
import { pause } from './within.js';

/** New work is refused while this many changed records wait for Postgres. */
export const BACKLOG_RECORDS_MAX = 50_000;
/** Between two batches, so that a transaction's begin, decision and end mostly share one row write. */
const BATCH_INTERVAL_MS = 200;
const RETRY_INTERVAL_MS = 500;

interface Pending {
  readonly transactions: Map<string, TransactionRecord>;
  readonly keys: KeyRecord[];
  readonly participants: Map<string, ParticipantRecord>;
  readonly members: Map<number, MemberRecord>;
  prune: PersistBatch['prune'];
  reconciled: boolean;
  readonly leases: Map<string, SnapshotLease | null>;
  readonly holds: Map<number, LockHold | null>;
  readonly lockSessions: Map<string, LockSession | null>;
  readonly hazards: Map<string, HazardRecord | null>;
  readonly actions: OperatorAction[];
}

const nothingPending = (): Pending => ({
  transactions: new Map(),
  keys: [],
  participants: new Map(),
  members: new Map(),
  prune: null,
  reconciled: false,
  leases: new Map(),
  holds: new Map(),
  lockSessions: new Map(),
  hazards: new Map(),
  actions: [],
});

/** What Postgres holds at the beginning. */
export type PersisterStart = Pick<PersistedState, 'appliedIndex' | 'appliedTerm' | 'incarnation' | 'publishedIndex'>;

export interface PersisterPorts {
  readonly store: TransactionStore;
  readonly metrics: EngineMetrics;
  readonly logger: EngineLogger;
  /** Called after each batch with the index and term that Postgres now holds. */
  readonly onPersisted: (index: number, term: number) => void;
  /** Another process owns this database now; this one must end. */
  readonly onFenced: (error: StaleWriterError) => void;
}

export class Persister {
  persistedIndex = 0;
  #appliedIndex = 0;
  #appliedTerm = 0;
  #incarnation = 0;
  #publishedIndex = 0;
  #pending = nothingPending();
  #writing: Pending | undefined;
  /** When the present attempt to write began, by performance.now(). */
  #attemptedAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #covered: { readonly index: number; readonly resolve: () => void }[] = [];
  #stopped = false;
  #suspended = false;

  constructor(
    start: PersisterStart,
    private readonly ports: PersisterPorts,
  ) {
    this.resume(start);
  }

  /** Records that wait for Postgres. */
  get backlog(): number {
    return this.#pending.transactions.size + (this.#writing?.transactions.size ?? 0);
  }

  get full(): boolean {
    return this.backlog >= BACKLOG_RECORDS_MAX;
  }

  /** For how long the present attempt to write has neither succeeded nor failed, in ms; 0 while there is none. */
  get attemptMs(): number {
    return this.#attemptedAt === undefined ? 0 : performance.now() - this.#attemptedAt;
  }

  /** Takes up one applied entry. */
  add(change: Change, incarnation: number, publishedIndex: number): void {
    this.#appliedIndex = change.index;
    this.#appliedTerm = change.term;
    this.#incarnation = incarnation;
    this.#publishedIndex = publishedIndex;
    for (const record of change.transactions) this.#pending.transactions.set(record.id, record);
    for (const record of change.participants) this.#pending.participants.set(record.name, record);
    for (const record of change.members) this.#pending.members.set(record.raftId, record);
    if (change.keys.length > 0) this.#pending.keys.push(...change.keys);
    if (change.prune) this.#pending.prune = change.prune;
    if (change.reconciled) this.#pending.reconciled = true;
    if (change.leased) this.#pending.leases.set(change.leased.id, change.leased);
    for (const id of change.released ?? []) this.#pending.leases.set(id, null);
    for (const [key, hazard] of change.hazards ?? []) this.#pending.hazards.set(key, hazard);
    if (change.action) this.#pending.actions.push(change.action);
    if (change.locks) addLocks(this.#pending, change.locks);
    this.#schedule(BATCH_INTERVAL_MS);
  }

  /** A record that is applied and not yet in Postgres, if there is one. */
  unpersisted(id: string): TransactionRecord | undefined {
    return this.#pending.transactions.get(id) ?? this.#writing?.transactions.get(id);
  }

  /** Resolves once Postgres holds everything applied so far; lists wait for it, so that they are linearizable. */
  async covers(): Promise<void> {
    const index = this.#appliedIndex;
    if (this.persistedIndex >= index) return;
    const covered = new Promise<void>((resolve) => this.#covered.push({ index, resolve }));
    this.#schedule(0);
    await covered;
  }

  /** Waits for what is being written and drops the rest: the state is about to be replaced. */
  async suspend(): Promise<void> {
    this.#suspended = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#writing) await pause(10);
    this.#pending = nothingPending();
  }

  /** Goes on from a state that was put into Postgres by other means. */
  resume(state: PersisterStart): void {
    this.persistedIndex = state.appliedIndex;
    this.#appliedIndex = state.appliedIndex;
    this.#appliedTerm = state.appliedTerm;
    this.#incarnation = state.incarnation;
    this.#publishedIndex = state.publishedIndex;
    this.#suspended = false;
    this.#resolveCovered();
  }

  /** Writes what is left, at most for the given time in ms, and stops. */
  async stop(graceMs: number): Promise<void> {
    const expired = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
    await Promise.race([this.covers(), expired]);
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(afterMs: number): void {
    if (this.#writing || this.#stopped || this.#suspended) return;
    if (afterMs > 0 && this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#write(), afterMs);
  }

  async #write(): Promise<void> {
    const pending = this.#pending;
    const batch = this.#batchOf(pending);
    this.#timer = undefined;
    this.#writing = pending;
    this.#pending = nothingPending();
    const startedAt = performance.now();
    while (!this.#stopped) {
      try {
        await this.#attempt(batch);
        break;
      } catch (error) {
        if (error instanceof StaleWriterError) return this.ports.onFenced(error);
        this.ports.logger.warn({ err: error, backlog: this.backlog }, 'Postgres did not take a batch; trying again');
        await pause(RETRY_INTERVAL_MS);
      }
    }
    if (this.#stopped) return;
    this.#writing = undefined;
    this.persistedIndex = batch.toIndex;
    this.ports.metrics.persisted(batch.transactions.length, performance.now() - startedAt);
    this.ports.onPersisted(batch.toIndex, batch.toTerm);
    this.#resolveCovered();
    if (this.#appliedIndex > this.persistedIndex || this.ports.store.pruning) {
      this.#schedule(this.#covered.length > 0 ? 0 : BATCH_INTERVAL_MS);
    }
  }

  async #attempt(batch: PersistBatch): Promise<void> {
    this.#attemptedAt = performance.now();
    try {
      await this.ports.store.persist(batch);
    } finally {
      this.#attemptedAt = undefined;
    }
  }

  #batchOf(pending: Pending): PersistBatch {
    return {
      fromIndex: this.persistedIndex,
      toIndex: this.#appliedIndex,
      toTerm: this.#appliedTerm,
      incarnation: this.#incarnation,
      publishedIndex: this.#publishedIndex,
      reconciled: pending.reconciled,
      transactions: [...pending.transactions.values()],
      keys: pending.keys,
      participants: [...pending.participants.values()],
      members: [...pending.members.values()],
      ...(pending.leases.size > 0 && { leases: pending.leases }),
      ...(pending.holds.size + pending.lockSessions.size > 0 && {
        locks: { holds: pending.holds, sessions: pending.lockSessions },
      }),
      ...(pending.hazards.size > 0 && { hazards: pending.hazards }),
      ...(pending.actions.length > 0 && { actions: pending.actions }),
      prune: pending.prune,
    };
  }

  #resolveCovered(): void {
    const waiting = this.#covered;
    this.#covered = waiting.filter(({ index }) => index > this.persistedIndex);
    for (const { index, resolve } of waiting) if (index <= this.persistedIndex) resolve();
  }
}

function addLocks({ holds, lockSessions }: Pending, change: NonNullable<Change['locks']>): void {
  for (const hold of change.holds) holds.set(hold.token, hold);
  for (const { token } of change.ended) holds.set(token, null);
  for (const session of change.sessions) lockSessions.set(session.id, session);
  for (const { id } of change.endedSessions) lockSessions.set(id, null);
}
