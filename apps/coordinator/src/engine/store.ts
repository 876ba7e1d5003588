import type { KeyRecord, MemberRecord, ParticipantRecord, TransactionRecord } from '@concordat/transaction';

/** What a replica finds in its own Postgres at start; the decision log is replayed from `appliedIndex` on. */
export interface PersistedState {
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  /** 0 before the first term entry. */
  readonly incarnation: number;
  /** Id of the decision log that this database belongs to: a log and a database of different members refuse to start together. */
  readonly memberId: string;
  readonly publishedIndex: number;
  /** Largest id that was pruned, as text, or null: older unknown ids answer 410 (D8). */
  readonly prunedThrough: string | null;
  /** Every transaction that is not completed. */
  readonly transactions: readonly TransactionRecord[];
  /** Decided transactions whose outcome event may not have been published: decidedIndex or completion above publishedIndex. */
  readonly unpublished: readonly TransactionRecord[];
  readonly participants: readonly ParticipantRecord[];
  readonly members: readonly MemberRecord[];
  /** The most recent keys, newest last, at most the number asked for. */
  readonly keys: readonly KeyRecord[];
}

/** One step forward: everything that changed between two applied indices, each transaction once, in its last state. */
export interface PersistBatch {
  readonly fromIndex: number;
  readonly toIndex: number;
  readonly toTerm: number;
  readonly incarnation: number;
  readonly publishedIndex: number;
  readonly transactions: readonly TransactionRecord[];
  readonly keys: readonly KeyRecord[];
  readonly participants: readonly ParticipantRecord[];
  readonly members: readonly MemberRecord[];
  /** Delete completed transactions and keys older than these Unix times in ms; null when nothing is to be pruned. */
  readonly prune: { readonly completedBefore: number; readonly keysBefore: number } | null;
}

export interface ListQuery {
  readonly status?: string;
  readonly participant?: string;
  readonly label?: string;
  /** 1 to 200. */
  readonly limit: number;
  /** Return only transactions that began before this id (newest come first). */
  readonly before?: string;
}

/** Port to the replica's own Postgres. The engine owns when; the adapter owns how. */
export interface TransactionStore {
  /** Runs migrations and loads the state. `memberId` is stored on first use and compared ever after. */
  open(memberId: string, keysMax: number): Promise<PersistedState>;
  /**
   * Writes a batch in one database transaction, fenced by `UPDATE … SET applied_index = toIndex WHERE applied_index = fromIndex`.
   * @throws StaleWriterError when another process has written meanwhile; any other error means it may be tried again.
   */
  persist(batch: PersistBatch): Promise<void>;
  find(id: string): Promise<TransactionRecord | undefined>;
  /** Newest first. */
  list(query: ListQuery): Promise<TransactionRecord[]>;
  findKey(caller: string, key: string): Promise<KeyRecord | undefined>;
  /** Largest id that was pruned so far, or null: older unknown ids answer 410 (D8). */
  readonly prunedThrough: string | null;
  /** False while Postgres cannot be reached. */
  readonly available: boolean;
  close(): Promise<void>;
}

/** Another process writes this replica's database: this one must stop. */
export class StaleWriterError extends Error {
  override readonly name = 'StaleWriterError';
}
