/** One column of a versioned table. */
export interface Column {
  readonly name: string;
  /** SQL type, such as `bigint`. Columns of the key: text, varchar, uuid, smallint, integer, bigint, boolean. */
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

/** A row by column names, values as node-postgres gives them: bigint and numeric as text; date, time and timestamp without zone as text too. */
export type Row = Readonly<Record<string, unknown>>;

/** The values of the key columns, in order. */
export type KeyValues = readonly unknown[];

/** How the values of a key column are written in one way only, by base type. */
const CANONICAL: Readonly<Record<string, (value: unknown) => string | undefined>> = {
  ...named(['text', 'varchar', 'character varying'], (value) => (typeof value === 'string' ? value : undefined)),
  ...named(['uuid'], (value) => (typeof value === 'string' ? value.toLowerCase() : undefined)),
  ...named(['smallint', 'int2', 'integer', 'int', 'int4', 'bigint', 'int8'], canonicalInteger),
  ...named(['boolean', 'bool'], (value) => (typeof value === 'boolean' ? String(value) : undefined)),
};

/** The type without its modifiers: `varchar(20)` is a `varchar`. */
export const baseTypeOf = (column: Column): string =>
  column.type
    .toLowerCase()
    .replace(/\s*\(.*?\)/, '')
    .trim();

/** Whether a column of this type can be part of a key: equal values of it have one text each. */
export const isKeyType = (column: Column): boolean => Object.hasOwn(CANONICAL, baseTypeOf(column));

/** The key columns, in order. @throws TypeError when one is not among the columns */
export function keyColumnsOf(table: VersionedTable): readonly Column[] {
  return table.key.map((name) => {
    const column = table.columns.find((one) => one.name === name);
    if (!column) throw new TypeError(`${table.entity} has no column ${name}`);
    return column;
  });
}

/**
 * The canonical text of a key: the same for the same row, another for another row of the same table, whatever form the
 * values come in (`5`, `5n` and `'5'` are one bigint). Used in maps, in read marks, and for the global order of S4.
 * @throws TypeError when the values are no key of that table
 */
export function encodeKey(table: VersionedTable, values: KeyValues): string {
  const columns = keyColumnsOf(table);
  if (values.length !== columns.length) throw new TypeError(`a key of ${table.entity} has ${columns.length} values`);
  return JSON.stringify(columns.map((column, position) => canonical(table, column, values[position])));
}

/** The values of a key from its canonical text. */
export const decodeKey = (text: string): readonly string[] => JSON.parse(text);

/** The key of a row. */
export function keyOf(table: VersionedTable, row: Row): KeyValues {
  return table.key.map((name) => row[name]);
}

function canonical(table: VersionedTable, column: Column, value: unknown): string {
  const text = CANONICAL[baseTypeOf(column)]?.(value);
  if (text === undefined) throw new TypeError(`${String(value)} is no ${column.name} of ${table.entity}`);
  return text;
}

function canonicalInteger(value: unknown): string | undefined {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && /^-?\d+$/.test(value) ? String(BigInt(value)) : undefined;
}

function named<T>(names: readonly string[], value: T): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, value]));
}
