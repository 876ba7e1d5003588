import type { Change, LedgerState } from '../src/ledger.js';
import { compareRecords } from '../src/ledger.js';
import type { KeyRecord, ParticipantRecord, SnapshotLease, TransactionRecord } from '../src/record.js';

/** What Postgres is to a replica: the applied state as far as it was persisted, and what waits to be. */
export class StoreModel {
  readonly #transactions = new Map<string, TransactionRecord>();
  readonly #participants = new Map<string, ParticipantRecord>();
  readonly #keys = new Map<string, KeyRecord>();
  readonly #leases = new Map<string, SnapshotLease>();
  #at = { appliedIndex: 0, appliedTerm: 0, incarnation: 0, publishedIndex: 0 };
  #waiting: { change: Change; at: { incarnation: number; publishedIndex: number } }[] = [];

  add(change: Change, at: { incarnation: number; publishedIndex: number }): void {
    const { incarnation, publishedIndex } = at;
    this.#waiting.push({ change: structuredClone(change), at: { incarnation, publishedIndex } });
  }

  persist(): void {
    for (const { change, at } of this.#waiting.splice(0)) {
      for (const record of change.transactions) this.#transactions.set(record.id, record);
      for (const record of change.participants) this.#participants.set(record.name, record);
      for (const record of change.keys) this.#keys.set(`${record.caller}\u0000${record.key}`, record);
      if (change.leased) this.#leases.set(change.leased.id, change.leased);
      for (const id of change.released ?? []) this.#leases.delete(id);
      const { prune } = change;
      for (const [name, record] of this.#keys)
        if (prune && record.createdAt < prune.keysBefore) this.#keys.delete(name);
      this.#at = { ...at, appliedIndex: change.index, appliedTerm: change.term };
    }
  }

  /** The process died: what was not persisted is gone. */
  crash(): void {
    this.#waiting = [];
  }

  load(keysMax: number): LedgerState {
    const keys = [...this.#keys.values()].sort((a, b) => a.createdAt - b.createdAt).slice(-keysMax);
    const transactions = [...this.#transactions.values()].filter(({ status }) => status !== 'completed');
    return {
      ...this.#at,
      transactions: transactions.sort(compareRecords),
      participants: [...this.#participants.values()],
      members: [],
      keys,
      leases: [...this.#leases.values()].sort((a, b) => a.csn - b.csn),
    };
  }

  all(): Iterable<TransactionRecord> {
    return this.#transactions.values();
  }

  find(id: string): TransactionRecord | undefined {
    const waiting = this.#waiting.flatMap(({ change }) => change.transactions).filter((record) => record.id === id);
    return waiting.at(-1) ?? this.#transactions.get(id);
  }

  findKey(caller: string, key: string): KeyRecord | undefined {
    const waiting = this.#waiting.flatMap(({ change }) => change.keys);
    return (
      waiting.find((record) => record.caller === caller && record.key === key) ??
      this.#keys.get(`${caller}\u0000${key}`)
    );
  }
}
