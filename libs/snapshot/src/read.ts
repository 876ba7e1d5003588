import type { StatusAnswer } from '@concordat/protocol';
import type { Database } from './database.js';
import type { KeyValues, Row, VersionedTable } from './table.js';

/**
 * Asks a replica of the coordinator what became of transactions. The answer comes from a replica that had applied
 * `minCsn` before it looked, names every transaction that was asked for, and `unknown` is never taken from a cache (D6).
 */
export interface StatusSource {
  at(transactionIds: readonly string[], minCsn: number): Promise<ReadonlyMap<string, StatusAnswer>>;
}

/** Where and at which snapshot to read. S2 is the caller's: it has heard of an applied CSN >= `snapshot`. */
export interface ReadContext {
  readonly db: Database;
  readonly statuses: StatusSource;
  readonly participant: string;
  /** A CSN. */
  readonly snapshot: number;
}

/**
 * The rows that a snapshot shows, by encoded key; a key that has no visible row is not in the answer.
 * @throws ConcordatError `snapshot-too-old` when versions that the snapshot needs were collected (S7)
 * @throws ConcordatError `snapshot-unavailable` when intents came and went faster than they could be asked about
 */
export async function readKeys(
  _context: ReadContext,
  _table: VersionedTable,
  _keys: readonly KeyValues[],
): Promise<ReadonlyMap<string, Row>> {
  throw new Error('not written yet');
}
