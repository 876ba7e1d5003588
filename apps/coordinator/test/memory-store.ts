import type { LockHold, LockSession } from '@concordat/locks';
import { ConcordatError, compareTransactionIds, parseTransactionId } from '@concordat/protocol';
import type {
  HazardRecord,
  KeyRecord,
  OperatorAction,
  ParticipantRecord,
  SnapshotLease,
  TransactionRecord,
} from '@concordat/transaction';
import type { ListQuery, PersistBatch, PersistedState, TransactionStore } from '../src/engine/store.js';

/** The store port in memory. What one process wrote, the next one finds, as it would in Postgres. */
export class MemoryStore implements TransactionStore {
  readonly transactions = new Map<string, TransactionRecord>();
  readonly keys = new Map<string, KeyRecord>();
  readonly participants = new Map<string, ParticipantRecord>();
  readonly leases = new Map<string, SnapshotLease>();
  readonly holds = new Map<number, LockHold>();
  readonly lockSessions = new Map<string, LockSession>();
  readonly hazards = new Map<string, HazardRecord>();
  actions: OperatorAction[] = [];
  readonly batches: PersistBatch[] = [];
  prunedThrough: string | null = null;
  pruning = false;
  available = true;
  /** Errors for the next attempts to persist, in order. */
  failures: Error[] = [];
  /** While set, persisting waits for it. */
  gate: Promise<void> | undefined;
  #at = { appliedIndex: 0, appliedTerm: 0, incarnation: 0, publishedIndex: 0 };

  async open(memberId: string): Promise<PersistedState> {
    const all = [...this.transactions.values()];
    return structuredClone({
      ...this.#at,
      memberId,
      prunedThrough: this.prunedThrough,
      transactions: all.filter(({ status }) => status !== 'completed').sort(byId),
      unpublished: all.filter(({ decidedIndex }) => (decidedIndex ?? 0) > this.#at.publishedIndex),
      participants: [...this.participants.values()],
      members: [],
      keys: [...this.keys.values()],
      leases: [...this.leases.values()].sort((a, b) => a.csn - b.csn),
      locks: {
        holds: [...this.holds.values()].sort((a, b) => a.token - b.token),
        sessions: [...this.lockSessions.values()],
      },
      hazards: [...this.hazards.values()],
    });
  }

  async persist(batch: PersistBatch): Promise<void> {
    await this.gate;
    const failure = this.failures.shift();
    if (failure) throw failure;
    if (batch.fromIndex !== this.#at.appliedIndex)
      throw new Error(`${batch.fromIndex} is not ${this.#at.appliedIndex}`);
    this.batches.push(batch);
    for (const record of batch.transactions) this.transactions.set(record.id, record);
    for (const record of batch.keys) this.keys.set(`${record.caller} ${record.key}`, record);
    for (const record of batch.participants) this.participants.set(record.name, record);
    for (const [id, lease] of batch.leases ?? []) {
      if (lease) this.leases.set(id, lease);
      else this.leases.delete(id);
    }
    for (const [token, hold] of batch.locks?.holds ?? []) put(this.holds, token, hold);
    for (const [id, session] of batch.locks?.sessions ?? []) put(this.lockSessions, id, session);
    for (const [key, hazard] of batch.hazards ?? []) {
      if (hazard) this.hazards.set(key, hazard);
      else this.hazards.delete(key);
    }
    this.actions.push(...(batch.actions ?? []));
    const { toIndex: appliedIndex, toTerm: appliedTerm, incarnation, publishedIndex } = batch;
    this.#at = { appliedIndex, appliedTerm, incarnation, publishedIndex };
  }

  async find(id: string): Promise<TransactionRecord | undefined> {
    this.#mustBeAvailable();
    return this.transactions.get(id);
  }

  async listActions(limit: number, before = Number.POSITIVE_INFINITY): Promise<OperatorAction[]> {
    this.#mustBeAvailable();
    return this.actions
      .filter(({ id }) => id < before)
      .reverse()
      .slice(0, limit);
  }

  async findKey(caller: string, key: string): Promise<KeyRecord | undefined> {
    this.#mustBeAvailable();
    return this.keys.get(`${caller} ${key}`);
  }

  async list({ limit }: ListQuery): Promise<TransactionRecord[]> {
    this.#mustBeAvailable();
    return [...this.transactions.values()].sort(byId).reverse().slice(0, limit);
  }

  exportSnapshot(): never {
    throw new Error('no snapshots in memory');
  }

  importSnapshot(): never {
    throw new Error('no snapshots in memory');
  }

  async close(): Promise<void> {}

  #mustBeAvailable(): void {
    if (!this.available) throw new ConcordatError('postgres-unavailable', 'Postgres is away.');
  }
}

function put<K, T>(map: Map<K, T>, key: K, value: T | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}

function byId(a: TransactionRecord, b: TransactionRecord): number {
  const [left, right] = [parseTransactionId(a.id), parseTransactionId(b.id)];
  return left && right ? compareTransactionIds(left, right) : 0;
}
