import type { KeyValues, Row, VersionedTable } from './table.js';

/** What a transaction leaves of one row. */
export interface Write {
  readonly table: VersionedTable;
  readonly key: KeyValues;
  readonly deleted: boolean;
  /** Null in a deletion. */
  readonly row: Row | null;
}

/** A value that a unique constraint allows once belongs to another row. */
export class UniqueViolation extends Error {
  override readonly name = 'UniqueViolation';
  constructor(
    readonly entity: string,
    readonly constraint: string,
  ) {
    super(`another row of ${entity} has this value already (${constraint})`);
  }
}

/** Rows of the unique table as a snapshot shows them, by encoded key: what `readKeys(UNIQUE_TABLE, …)` answered. */
export type UniqueOwners = ReadonlyMap<string, Row>;

/** The writes of one session, in memory until its prepare. */
export class WriteSet {
  get isEmpty(): boolean {
    throw new Error('not written yet');
  }

  /** The row as this session sees it, given what its snapshot shows. */
  overlay(_table: VersionedTable, _key: KeyValues, _visible: Row | undefined): Row | undefined {
    throw new Error('not written yet');
  }

  /** The keys of UNIQUE_TABLE that are to be read before `row` is inserted, or put in the place of `before`. */
  uniqueKeys(_table: VersionedTable, _row: Row, _before?: Row): readonly KeyValues[] {
    throw new Error('not written yet');
  }

  /**
   * The caller has seen that the session sees no row of that key. Columns that are left out become null.
   * @throws UniqueViolation
   */
  insert(_table: VersionedTable, _row: Row, _owners: UniqueOwners): Row {
    throw new Error('not written yet');
  }

  /**
   * @param before the whole row as the session sees it (overlaid)
   * @param changes columns with their new values; those of the key stay
   * @throws UniqueViolation
   */
  update(_table: VersionedTable, _before: Row, _changes: Row, _owners: UniqueOwners): Row {
    throw new Error('not written yet');
  }

  /** @param before the whole row as the session sees it (overlaid) */
  remove(_table: VersionedTable, _before: Row): void {
    throw new Error('not written yet');
  }

  /** The writes to one table. */
  writesTo(_table: VersionedTable): readonly Write[] {
    throw new Error('not written yet');
  }

  /** Everything, rows of unique values among them. */
  toWrites(): readonly Write[] {
    throw new Error('not written yet');
  }
}
