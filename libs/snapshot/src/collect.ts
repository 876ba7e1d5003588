import type { Database } from './database.js';
import type { VersionedTable } from './table.js';

/**
 * Collects garbage (S7): versions that were superseded at or below the watermark, and tombstones at or below it.
 * @param watermark a CSN below which no snapshot is read any more
 * @param batchMax how many versions one database transaction looks at
 * @returns how many rows went
 */
export async function collect(
  _db: Database,
  _participant: string,
  _tables: readonly VersionedTable[],
  _watermark: number,
  _batchMax: number,
): Promise<number> {
  throw new Error('not written yet');
}
