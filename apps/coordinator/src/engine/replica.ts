/**
 * One replica of the coordinator: applies the decision log to the ledger and keeps everyone who depends on it informed:
 * the persister (Postgres), the outbox, the leader while there is one, and the watchers.
 *
 * - R1 The ledger is changed by applied entries only.
 * - R2 A leader exists only while this replica leads its term; it admits nothing before its first entry is applied (D2).
 */
import type { ParticipantDescriptor } from '@concordat/protocol';
import {
  type Change,
  type Coordination,
  decodeEntry,
  ENTRY_FORMATS,
  type Entry,
  encodeEntry,
  Ledger,
  membersBelow,
  type TransactionRecord,
} from '@concordat/transaction';
import { AppliedWaiters } from './applied-waiters.js';
import type { DecisionLog, DecisionLogListener, LogEntry } from './decision-log.js';
import { Orphans } from './in-doubt-orphans.js';
import { Leader } from './leader.js';
import { LocksLeader } from './locks-leader.js';
import { missingRecord } from './missing-record.js';
import type { Observers } from './observers.js';
import { Outbox } from './outbox.js';
import { Persister } from './persister.js';
import { PhaseTimes } from './phase-times.js';
import type { Clock, EngineLogger, EngineMetrics, Messenger, Random } from './ports.js';
import { Publisher } from './publisher.js';
import { Reconciler } from './reconciler.js';
import { SnapshotLeases } from './snapshot-leases.js';
import type { OpenOptions, PersistedState, TransactionStore } from './store.js';
import type { TransactionTracing } from './tracing.js';
import { within } from './within.js';

/** Idempotency keys kept in memory; older ones are looked up in Postgres. */
const KEYS_IN_MEMORY_MAX = 100_000;
/** The log is cut after this many persisted entries. */
export const COMPACT_EVERY_ENTRIES = 20_000;
/** Pruning goes in small steps: at 2,000/s one entry stands for 20,000 rows, which are four batches of the persister. */
const PRUNE_INTERVAL_MS_MAX = 10_000;
/** Nothing is applied while a snapshot waits for Postgres to hold all of it: then it is given up, and asked for again. */
export const SNAPSHOT_BEGIN_MS_MAX = 5_000;

export interface ReplicaPorts {
  readonly log: DecisionLog;
  readonly store: TransactionStore;
  readonly messenger: Messenger;
  /** The other replicas, as observers of participants. */
  readonly observers: Observers;
  readonly metrics: EngineMetrics;
  readonly tracing: TransactionTracing;
  readonly logger: EngineLogger;
  readonly clock: Clock;
  readonly random: Random;
  /** What a new log begins as; decides which databases it may be put beside. */
  readonly opening: OpenOptions;
  /** How long completed transactions are kept, in ms. */
  readonly retentionMs: number;
  /** How long an idempotency key stands for its transaction, in ms. */
  readonly idempotencyKeyMs: number;
  /** Bound on transactions that are not finished; more are refused with 503. */
  readonly inFlightMax: number;
  /** The process cannot go on: its log or its database is lost to it. A restart recovers. */
  readonly onFatal: (error: Error) => void;
}

export interface ReplicaObserver {
  /** Leadership is lost, and with it what only the leader's memory held. */
  onDeposed(): void;
  /** The whole ledger was replaced. */
  onRestored(): void;
  onChange(change: Change): void;
  onCoordinationChanged(t: Coordination): void;
}

export class Replica implements DecisionLogListener {
  readonly ledger: Ledger;
  readonly persister: Persister;
  leader: Leader | undefined;
  /** While this replica leads a restored cluster that does not know yet what became of earlier incarnations. */
  reconciler: Reconciler | undefined;
  /** While this replica leads: the snapshots that are leased through it. */
  leases: SnapshotLeases | undefined;
  /** While this replica leads: who waits for which lock, and whose time is over. */
  locks: LocksLeader | undefined;
  /** While this replica leads: prepared branches of transactions that nobody knows. */
  readonly orphans: Orphans;
  readonly applied: AppliedWaiters;
  /** While this replica leads, and of what it led: when each step was taken. */
  readonly phases = new PhaseTimes();
  /** Unix ms of the first entry of the current term; when undecided transactions of earlier terms were settled. */
  termStartedAt = 0;
  readonly #outbox: Outbox;
  #publisher: Publisher | undefined;
  #pruning: NodeJS.Timeout | undefined;
  #compactedIndex: number;
  #observer: ReplicaObserver | undefined;
  /** Callers of a leader that was deposed. Once an entry of a later term is applied, the ledger knows their outcome. */
  readonly #orphans: { readonly id: string; readonly resolve: (record: TransactionRecord) => void }[] = [];

  private constructor(
    state: PersistedState,
    private readonly ports: ReplicaPorts,
  ) {
    this.ledger = new Ledger(state, KEYS_IN_MEMORY_MAX);
    this.applied = new AppliedWaiters(this.ledger);
    this.orphans = new Orphans(ports.clock);
    this.#outbox = new Outbox(state.unpublished);
    this.#compactedIndex = state.appliedIndex;
    this.persister = new Persister(state, {
      ...ports,
      onPersisted: (index, term) => this.#compact(index, term),
      onFenced: ports.onFatal,
    });
  }

  /** Loads the state from Postgres; `start` replays the log from there. */
  static async open(ports: ReplicaPorts): Promise<Replica> {
    const state = await ports.store.open(ports.log.memberId, KEYS_IN_MEMORY_MAX, ports.opening);
    return new Replica(state, ports);
  }

  async start(observer: ReplicaObserver): Promise<void> {
    this.#observer = observer;
    await this.ports.log.start(this.ledger.appliedIndex, this);
  }

  onApply(entries: readonly LogEntry[]): void {
    for (const { index, term, data } of entries) {
      if (this.leader && term > this.leader.term) this.onFollowing(); // D2, should the log be late to say so
      const entry = data.byteLength > 0 ? decodeEntry(data) : undefined;
      const change = this.ledger.apply(index, term, entry);
      this.persister.add(change, this.ledger.incarnation, this.ledger.publishedIndex);
      for (const record of change.transactions) if (record.decidedIndex === index) this.#outbox.add(record);
      if (entry?.type === 'published') this.#outbox.published(entry.index);
      this.leader?.onChange(change);
      if (change.leased || change.released) this.leases?.onChange(change);
      if (change.locks) this.locks?.onChange(change.locks);
      // After the leader has heard of the change: what the entry itself settles, the leader takes up as decided.
      if (entry?.type === 'term') this.#onTermApplied(term, entry.at);
      if (entry?.type === 'reconcile' || entry?.type === 'operator')
        for (const record of change.transactions) this.leader?.adopt(record);
      this.#observer?.onChange(change);
    }
    this.applied.onApplied();
    if (this.#outbox.size > 0) this.#publisher?.poke();
  }

  onLeading(term: number): void {
    const now = this.ports.clock.now();
    // D1: the incarnation is made when the cluster is bootstrapped, larger than any earlier one, durable before the first id.
    const incarnation = this.ledger.incarnation || now;
    const { messenger, metrics, tracing, logger, clock, random } = this.ports;
    this.leader = new Leader(term, {
      propose: (entry, mayWait) => this.propose(entry, mayWait),
      messenger,
      phases: this.phases,
      metrics,
      tracing,
      logger,
      clock,
      random,
      onChanged: (t) => this.#observer?.onCoordinationChanged(t),
      find: (id) => this.find(id),
      onOrphan: (vote) => this.orphans.hear(vote),
      ledger: this.ledger,
      inFlightMax: this.ports.inFlightMax,
    });
    this.propose({ type: 'term', incarnation, begun: this.ledger.incarnation, at: now });
    logger.info({ term }, 'leading');
  }

  onFollowing(): void {
    if (this.leader) this.#orphans.push(...this.leader.depose());
    this.#observer?.onDeposed();
    this.leader = undefined;
    this.orphans.clear();
    this.reconciler?.stop();
    this.reconciler = undefined;
    this.leases?.stop();
    this.leases = undefined;
    this.locks?.stop();
    this.locks = undefined;
    this.#publisher?.stop();
    this.#publisher = undefined;
    clearInterval(this.#pruning);
  }

  /** Everything applied is in Postgres when its state is read, so that it stands for the last applied entry. */
  async onSnapshot(): Promise<AsyncIterable<Uint8Array>> {
    if (!this.ports.store.available) throw new Error('Postgres is away');
    let isLate = false;
    const beginning = this.persister.covers().then(async () => {
      const snapshot = await this.ports.store.exportSnapshot();
      if (isLate) await snapshot.close();
      return snapshot;
    });
    const snapshot = await within(beginning, SNAPSHOT_BEGIN_MS_MAX);
    if (snapshot) return snapshot.chunks;
    isLate = true;
    beginning.catch((error: Error) => this.ports.logger.debug({ err: error }, 'a snapshot that came too late failed'));
    throw new Error(`Postgres could not give a snapshot within ${SNAPSHOT_BEGIN_MS_MAX} ms`);
  }

  /** This replica was too far behind: its state becomes that of another. */
  async onRestore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { store, log, logger } = this.ports;
    await this.persister.suspend();
    await store.importSnapshot(log.memberId, chunks);
    const state = await store.open(log.memberId, KEYS_IN_MEMORY_MAX);
    this.ledger.load(state);
    this.#outbox.load(state.unpublished);
    this.persister.resume(state);
    this.#compactedIndex = state.appliedIndex;
    this.#observer?.onRestored();
    this.applied.onApplied();
    logger.info({ appliedIndex: state.appliedIndex }, 'the state was taken over from another replica');
  }

  onFailure(error: Error): void {
    this.onFollowing();
    this.ports.onFatal(error);
  }

  /**
   * D2: in the leader's own term or not at all. There is no other way into the log, so nothing gets there that a member does
   * not understand.
   * @param mayWait see DecisionLog.propose
   * @returns false when the entry was not taken
   */
  propose(entry: Entry, mayWait = false): boolean {
    const { leader } = this;
    if (!leader) return false;
    const { type } = entry;
    if (!this.understood(type)) {
      this.ports.logger.warn(
        { type, behind: this.behind(type) },
        'an entry was not proposed: members must be upgraded first',
      );
      return false;
    }
    if (this.ports.log.propose(leader.term, encodeEntry(entry), mayWait)) return true;
    this.ports.logger.warn({ type, term: leader.term }, 'an entry was not taken: no longer leading');
    return false;
  }

  /** Whether every member understands this kind of entry. */
  understood(type: Entry['type']): boolean {
    return ENTRY_FORMATS[type] <= this.ledger.formatVersion;
  }

  /** Addresses of the members that must be upgraded before this kind of entry is proposed. */
  behind(type: Entry['type']): string[] {
    return membersBelow(ENTRY_FORMATS[type], this.ledger.members.values()).map(({ address }) => address);
  }

  registerParticipant(descriptor: ParticipantDescriptor): void {
    this.propose({ type: 'participant', descriptor, at: this.ports.clock.now() });
  }

  /** The applied state of a transaction: live, or waiting for Postgres, or in Postgres. */
  async find(id: string): Promise<TransactionRecord | undefined> {
    return this.ledger.live.get(id) ?? this.persister.unpersisted(id) ?? (await this.ports.store.find(id));
  }

  #onTermApplied(term: number, at: number): void {
    this.termStartedAt = at;
    for (const { id, resolve } of this.#orphans.splice(0)) void this.#answerOrphan(id, resolve);
    if (this.leader?.term !== term) return;
    this.leader.resume(this.ledger.live.values(), this.ledger.incarnation);
    this.#publisher = new Publisher(
      this.ledger.publishedIndex,
      this.#outbox,
      this.ports.messenger,
      this.ports.logger,
      (index) => this.propose({ type: 'published', index }),
    );
    const { retentionMs, idempotencyKeyMs } = this.ports;
    this.#pruning = setInterval(
      () => this.#prune(),
      Math.min(PRUNE_INTERVAL_MS_MAX, retentionMs / 2, idempotencyKeyMs / 2),
    );
    this.#pruning.unref();
    const { ledger } = this;
    const { clock } = this.ports;
    const propose = (entry: Entry) => this.propose(entry);
    this.leases = new SnapshotLeases(term, { ledger, clock, propose });
    this.locks = new LocksLeader(term, { ledger, clock, propose });
    if (this.isReconciling) this.reconciler = this.#reconcile();
  }

  /** After a restore, until every participant was heard. */
  get isReconciling(): boolean {
    return this.ledger.reconciliation === 'pending';
  }

  #reconcile(): Reconciler {
    const { ledger } = this;
    const { messenger, metrics, logger, clock } = this.ports;
    const propose = (entry: Entry) => this.propose(entry);
    return new Reconciler({ ledger, messenger, metrics, logger, clock, propose, find: (id) => this.find(id) });
  }

  /** D9: what is old enough to be dropped is said by an entry, not by each replica's clock. */
  #prune(): void {
    const now = this.ports.clock.now();
    const { retentionMs, idempotencyKeyMs } = this.ports;
    this.propose({ type: 'prune', completedBefore: now - retentionMs, keysBefore: now - idempotencyKeyMs });
  }

  async #answerOrphan(id: string, resolve: (record: TransactionRecord) => void): Promise<void> {
    try {
      resolve((await this.find(id)) ?? missingRecord(id, this, this.ports.store.prunedThrough));
    } catch (error) {
      // The caller's own bound answers it, with `outcome-unknown`.
      this.ports.logger.warn({ transactionId: id, err: error }, 'the outcome cannot be looked up yet');
    }
  }

  #compact(persistedIndex: number, term: number): void {
    if (persistedIndex - this.#compactedIndex < COMPACT_EVERY_ENTRIES) return;
    this.#compactedIndex = persistedIndex;
    this.ports.log.compact(persistedIndex, term).catch((error: Error) => this.onFailure(error));
  }
}
