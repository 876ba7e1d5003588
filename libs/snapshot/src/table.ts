/** One column of a versioned table. */
export interface Column {
  readonly name: string;
  /** SQL type, such as `bigint`. Columns of the key: text, varchar, uuid, smallint, integer, bigint, boolean, date. */
  readonly type: string;
  readonly nullable: boolean;
  /** SQL expression that fills the column in rows that were there before it. Rows that are written name every column. */
  readonly default?: string;
}

/** A unique constraint over some columns; a row with a null in one of them is not bound by it, as in SQL. */
export interface UniqueConstraint {
  readonly name: string;
  readonly columns: readonly string[];
}

/** An entity whose rows are kept in versions, so that every snapshot can still be read. */
export interface VersionedTable {
  /** Name of the entity, unique within the participant. */
  readonly entity: string;
  /** Name of the table of versions, e.g. `account_version`. */
  readonly table: string;
  /** Names of the key columns, in order. */
  readonly key: readonly string[];
  /** All columns of the entity, those of the key first. `transaction_id`, `csn` and `deleted` are taken. */
  readonly columns: readonly Column[];
  readonly indexes: readonly (readonly string[])[];
  readonly uniques: readonly UniqueConstraint[];
}

/** A row by column names, values as node-postgres gives them: bigint and numeric as text. */
export type Row = Readonly<Record<string, unknown>>;

/** The values of the key columns, in order. */
export type KeyValues = readonly unknown[];

/**
 * The canonical text of a key: the same for the same row, another for another row of the same table, whatever form the
 * values come in (`5`, `5n` and `'5'` are one bigint). Used in maps, in read marks, and for the global order of S4.
 */
export function encodeKey(values: KeyValues): string {
  return JSON.stringify(values.map(encodeKeyValue));
}

function encodeKeyValue(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value);
  throw new TypeError(`${String(value)} cannot be part of a key`);
}

/** The key of a row. */
export function keyOf(table: VersionedTable, row: Row): KeyValues {
  return table.key.map((name) => row[name]);
}
