/** The replicated state of one coordinator: the ledger, and the records that its Postgres holds of what is finished. */
import type { Entry as RaftEntry } from '@concordat/raft';
import type { SimulatedStateMachine } from '@concordat/raft/simulator';
import {
  type Change,
  decodeEntry,
  type Entry,
  Ledger,
  type LedgerState,
  type TransactionRecord,
} from '@concordat/transaction';
import { mix } from '../digest.js';

export const KEYS_MAX = 100_000;

export interface Applied {
  readonly change: Change;
  readonly entry: Entry | undefined;
  /** Over all that was applied up to this entry, in order. */
  readonly digest: number;
}

interface Stored {
  readonly ledger: LedgerState;
  readonly keys: LedgerState['keys'];
  readonly finished: readonly TransactionRecord[];
  readonly digest: number;
}

const EMPTY: LedgerState = {
  appliedIndex: 0,
  appliedTerm: 0,
  incarnation: 0,
  publishedIndex: 0,
  transactions: [],
  participants: [],
  members: [],
  keys: [],
};

export class LedgerMachine implements SimulatedStateMachine {
  readonly ledger: Ledger;
  digest: number;
  readonly #finished = new Map<string, TransactionRecord>();
  readonly #keys: LedgerState['keys'][number][];

  private constructor(
    { ledger, keys, finished, digest }: Stored,
    private readonly onApplied: (applied: Applied) => void,
  ) {
    this.ledger = new Ledger({ ...ledger, keys }, KEYS_MAX);
    this.#keys = [...keys];
    this.digest = digest;
    for (const record of finished) this.#finished.set(record.id, record);
  }

  static restore(data: Uint8Array, onApplied: (applied: Applied) => void): LedgerMachine {
    if (data.length === 0) return new LedgerMachine({ ledger: EMPTY, keys: [], finished: [], digest: 0 }, onApplied);
    return new LedgerMachine(JSON.parse(new TextDecoder().decode(data)) as Stored, onApplied);
  }

  apply({ index, term, data }: RaftEntry): void {
    const entry = data.length > 0 ? decodeEntry(data) : undefined;
    const change = this.ledger.apply(index, term, entry);
    for (const record of change.transactions) if (record.status === 'completed') this.#finished.set(record.id, record);
    this.#keys.push(...change.keys);
    this.digest = mix(this.digest, JSON.stringify(change));
    this.onApplied({ change, entry, digest: this.digest });
  }

  find(id: string): TransactionRecord | undefined {
    return this.ledger.live.get(id) ?? this.#finished.get(id);
  }

  /** Everything that replicas must agree on, as text. */
  picture(): string {
    return new TextDecoder().decode(this.encode());
  }

  encode(): Uint8Array {
    const { appliedIndex, appliedTerm, incarnation, publishedIndex, live } = this.ledger;
    const numbers = { appliedIndex, appliedTerm, incarnation, publishedIndex };
    const ledger: LedgerState = { ...EMPTY, ...numbers, transactions: [...live.values()] };
    const stored: Stored = { ledger, keys: this.#keys, finished: [...this.#finished.values()], digest: this.digest };
    return new TextEncoder().encode(JSON.stringify(stored));
  }
}
