import type { ReadContext } from './read.js';
import type { Row, VersionedTable } from './table.js';
import type { WriteSet } from './write-set.js';

/** Bounds for one column; all that are given must hold. */
export interface Comparison {
  readonly eq?: unknown;
  readonly gt?: unknown;
  readonly gte?: unknown;
  readonly lt?: unknown;
  readonly lte?: unknown;
  readonly in?: readonly unknown[];
}

/** Conditions by column, all of which must hold. A plain value means equality; null means IS NULL. */
export type Filter = Readonly<Record<string, unknown | Comparison>>;

/** More rows may match a filter than the caller was ready to look at. */
export class ScanTooLarge extends Error {
  override readonly name = 'ScanTooLarge';
  constructor(
    readonly entity: string,
    readonly candidatesMax: number,
  ) {
    super(`more than ${candidatesMax} rows of ${entity} may match the filter`);
  }
}

/**
 * The rows of a snapshot that a filter matches, in the order of their keys, with the session's own writes laid over them
 * (the filter is put to those too).
 * @throws ScanTooLarge, and what `readKeys` throws
 */
export async function scan(
  _context: ReadContext,
  _table: VersionedTable,
  _filter: Filter,
  _candidatesMax: number,
  _own?: WriteSet,
): Promise<readonly Row[]> {
  throw new Error('not written yet');
}
