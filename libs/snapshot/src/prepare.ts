import type { Database } from './database.js';
import type { KeyValues, VersionedTable } from './table.js';
import type { Write } from './write-set.js';

/** What a serializable transaction has read: one id, or (key null) a whole table. */
export interface Mark {
  readonly table: VersionedTable;
  readonly key: KeyValues | null;
}

export interface PrepareRequest {
  readonly participant: string;
  readonly transactionId: string;
  /** The CSN at which everything was read. */
  readonly snapshot: number;
  readonly writes: readonly Write[];
  /** Whether S6 applies. */
  readonly serializable: boolean;
  /** Empty unless serializable. */
  readonly marks: readonly Mark[];
  /** The encoded vote, kept in the branch row. */
  readonly vote: string;
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

export interface BranchRow {
  readonly state: 'prepared' | 'committed' | 'aborted';
  readonly vote: string | null;
}

export type PrepareResult =
  | { readonly kind: 'prepared' }
  /** The transaction has a row already (which is given), or is below the horizon, or of an earlier incarnation. */
  | { readonly kind: 'not-admitted'; readonly branch?: BranchRow }
  /** Intents or marks of others are in the way: resolve them, then start again or vote no. None named: start again. */
  | { readonly kind: 'conflict'; readonly transactionIds: readonly string[] }
  /** What was written (or, serializable, read) has a version above the snapshot: another committed first. */
  | { readonly kind: 'overwritten' }
  | { readonly kind: 'snapshot-too-old' };

/**
 * Prepares a branch durably (S4, S6) in one READ COMMITTED transaction, which it begins and ends itself. On any other
 * answer than `prepared`, and on errors (40P01, 55P03, 57014 come as they are), nothing is left behind.
 */
export async function prepareBranch(_db: Database, _request: PrepareRequest): Promise<PrepareResult> {
  throw new Error('not written yet');
}
