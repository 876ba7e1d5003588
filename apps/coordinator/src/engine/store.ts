import type { LockHold, LockSession } from '@concordat/locks';
import type {
  HazardChanges,
  KeyRecord,
  LedgerState,
  MemberRecord,
  OperatorAction,
  ParticipantRecord,
  SnapshotLease,
  TransactionRecord,
} from '@concordat/transaction';

/**
 * What a replica finds in its own Postgres at start; the decision log is replayed from `appliedIndex` on. Of the transactions
 * it has every one that is not completed, of the keys the most recent, at most the number asked for.
 */
export interface PersistedState extends LedgerState {
  /** Id of the decision log that this database belongs to: a log and a database of different members refuse to start together. */
  readonly memberId: string;
  /** Largest id that was pruned, as text, or null: older unknown ids answer 410 (D8). */
  readonly prunedThrough: string | null;
  /** Decided transactions whose outcome event may not have been published: decidedIndex or completion above publishedIndex. */
  readonly unpublished: readonly TransactionRecord[];
}

/** One step forward: everything that changed between two applied indices, each transaction once, in its last state. */
export interface PersistBatch {
  readonly fromIndex: number;
  readonly toIndex: number;
  readonly toTerm: number;
  readonly incarnation: number;
  readonly publishedIndex: number;
  /** Whether reconciliation with the participants ended within this step. */
  readonly reconciled?: boolean;
  readonly transactions: readonly TransactionRecord[];
  readonly keys: readonly KeyRecord[];
  readonly participants: readonly ParticipantRecord[];
  readonly members: readonly MemberRecord[];
  /** Leased snapshots by their ids; null: no longer. Left out when there is nothing to say. */
  readonly leases?: ReadonlyMap<string, SnapshotLease | null>;
  /** Holds by their tokens and sessions by their ids; null: no longer. Left out when there is nothing to say. */
  readonly locks?: {
    readonly holds: ReadonlyMap<number, LockHold | null>;
    readonly sessions: ReadonlyMap<string, LockSession | null>;
  };
  /** Hazards that were opened or closed, and what operators did. Left out when there is nothing to say. */
  readonly hazards?: HazardChanges;
  readonly actions?: readonly OperatorAction[];
  /** Delete completed transactions and keys older than these Unix times in ms; null when nothing is to be pruned. */
  readonly prune: { readonly completedBefore: number; readonly keysBefore: number } | null;
}

export interface ListQuery {
  readonly status?: string;
  readonly participant?: string;
  readonly label?: string;
  /** Only the transactions of this caller. */
  readonly caller?: string;
  /** 1 to 200. */
  readonly limit: number;
  readonly consistency?: 'linearizable' | 'stale';
  /** Return only transactions that began before this id (newest come first). */
  readonly before?: string;
}

export interface OpenOptions {
  /**
   * This replica's log is brand-new and it joins an existing cluster, which will send it everything: a database of
   * another member is emptied and taken over instead of refused.
   */
  readonly adopt?: boolean;
  /** This replica's log is brand-new and begins a cluster: it may begin with the state that a restore has left. */
  readonly newLog?: boolean;
}

/** What Postgres holds, as it was at one moment, while work goes on. Read `chunks` to the end or call `close`. */
export interface StoreSnapshot {
  /** Applied index and term that the snapshot stands for. */
  readonly index: number;
  readonly term: number;
  readonly chunks: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Port to the replica's own Postgres. The engine owns when; the adapter owns how. */
export interface TransactionStore {
  /**
   * Runs migrations and loads the state. `memberId` is stored on first use and compared ever after. May be called
   * again, after `importSnapshot`.
   */
  open(memberId: string, keysMax: number, options?: OpenOptions): Promise<PersistedState>;
  /** The state that Postgres holds, read in one REPEATABLE READ transaction. */
  exportSnapshot(): Promise<StoreSnapshot>;
  /**
   * Replaces everything in this database by a snapshot, through staging tables, in one swap: a crash at any moment
   * leaves the old state or the new one whole. The member id stays this replica's own.
   * @throws SnapshotFormatError when the chunks are damaged or cut off; nothing has changed then
   */
  importSnapshot(memberId: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * Writes a batch in one database transaction, fenced by `UPDATE … SET applied_index = toIndex WHERE applied_index = fromIndex`.
   * @throws StaleWriterError when another process has written meanwhile; any other error means it may be tried again.
   */
  persist(batch: PersistBatch): Promise<void>;
  find(id: string): Promise<TransactionRecord | undefined>;
  /** Newest first. */
  list(query: ListQuery): Promise<TransactionRecord[]>;
  /** What operators did, newest first. @param before only those with smaller ids */
  listActions(limit: number, before?: number): Promise<OperatorAction[]>;
  findKey(caller: string, key: string): Promise<KeyRecord | undefined>;
  /** Largest id that was pruned so far, or null: older unknown ids answer 410 (D8). */
  readonly prunedThrough: string | null;
  /** Whether rows are left that a prune entry lets go: each call of `persist` takes a bounded number of them. */
  readonly pruning: boolean;
  /** False while Postgres cannot be reached. */
  readonly available: boolean;
  close(): Promise<void>;
}

/** Another process writes this replica's database: this one must stop. */
export class StaleWriterError extends Error {
  override readonly name = 'StaleWriterError';
}
