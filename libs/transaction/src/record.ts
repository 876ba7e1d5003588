import type { Isolation, ParticipantDescriptor, Reason } from '@concordat/protocol';

/** Public status of a transaction (design §1). */
export type TransactionStatus = 'active' | 'preparing' | 'committed' | 'aborted' | 'completed';

/** Public status of a branch (design §1). */
export type BranchStatus =
  | 'enlisted'
  | 'preparing'
  | 'prepared'
  | 'read-only'
  | 'refused'
  | 'committed'
  | 'rolled-back'
  | 'hazard';

/** One operation at one participant, as callers and operators see it. */
export interface BranchRecord {
  readonly id: string;
  readonly participant: string;
  readonly operation: string;
  readonly status: BranchStatus;
  readonly result: unknown;
  readonly reason: Reason | null;
}

/** What is known of a transaction from its first moment and never changes. Times are Unix ms. */
export interface TransactionHeader {
  readonly id: string;
  readonly isolation: Isolation;
  readonly serializable: boolean;
  readonly label: string | null;
  /** Who began it; idempotency keys are scoped to this name (D8). */
  readonly caller: string;
  /** CSN of what was applied at begin; null only where none could be given, in a restored cluster that reconciles. */
  readonly snapshot: number | null;
  readonly createdAt: number;
  readonly deadlineAt: number;
}

/** The state of one transaction: what the ledger holds, what Postgres stores, what a read returns. */
export interface TransactionRecord extends TransactionHeader {
  readonly status: TransactionStatus;
  readonly outcome: 'committed' | 'aborted' | null;
  /** Commit sequence number, null unless committed. */
  readonly csn: number | null;
  /** Position of the decision in the log, null until decided. */
  readonly decidedIndex: number | null;
  readonly decidedAt: number | null;
  readonly completedAt: number | null;
  readonly reason: Reason | null;
  readonly branches: readonly BranchRecord[];
}

/** A caller's idempotency key bound to one request and one transaction (D8). */
export interface IdempotencyClaim {
  readonly caller: string;
  readonly key: string;
  /** Hash of method, path and body: the same key with another request is refused. */
  readonly requestHash: string;
}

export interface KeyRecord extends IdempotencyClaim {
  readonly transactionId: string;
  /** Unix ms, from the entry that bound the key (D9). */
  readonly createdAt: number;
}

/** A read snapshot that no version is collected below while it is leased (S7). */
export interface SnapshotLease {
  readonly id: string;
  /** That of the entry that leased it: whoever was answered got it from the true leader. */
  readonly csn: number;
  /** Unix ms, from that entry (D9). */
  readonly createdAt: number;
  readonly ttlMs: number;
}

export interface ParticipantRecord extends ParticipantDescriptor {
  /** Unix ms of the entry that registered this form of the participant. */
  readonly registeredAt: number;
}

/** One replica as the log knows it. Its id is random and dies with its log; node id and addresses only say where it runs. */
export interface MemberRecord {
  readonly raftId: number;
  /** Ordinal of the place it runs at (NODE_ID). */
  readonly nodeId: number;
  /** Where other members reach it, host:port. */
  readonly address: string;
  /** Where callers reach it. */
  readonly url: string;
  /** A removed id never returns. */
  readonly removed: boolean;
  /** The highest format of entries that it understands (`formats.ts`); absent where an earlier version wrote the record. */
  readonly formatVersion?: number;
}
