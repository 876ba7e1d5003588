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
  /** Everything that was read, found or not; empty unless serializable. */
  readonly marks: readonly Mark[];
  /** The encoded vote, kept in the branch row. */
  readonly vote: string;
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}
