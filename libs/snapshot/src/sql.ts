import { baseTypeOf, type Column, type Row, type VersionedTable } from './table.js';

/** An identifier, quoted. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Identifiers with a prefix, such as `old."id", old."name"`. */
export const list = (names: readonly string[], alias = ''): string =>
  names.map((name) => `${alias && `${alias}.`}${quote(name)}`).join(', ');

/** `a."id" = b."id" AND …`: both are the same row. */
export const sameKey = (table: VersionedTable, a: string, b: string): string =>
  table.key.map((name) => `${a}.${quote(name)} = ${b}.${quote(name)}`).join(' AND ');

/** Text in keys is compared by its bytes: the same order and the same equality on every server. */
export const typeOf = (table: VersionedTable, column: Column): string =>
  table.key.includes(column.name) && /^(text|varchar|character varying)$/.test(baseTypeOf(column))
    ? `${column.type} COLLATE "C"`
    : column.type;

/** All columns as they leave the database: what node-postgres would turn into a local time leaves as text. */
export const selected = (table: VersionedTable, alias: string): string =>
  table.columns
    .map((column) => {
      const cast = /^(date|time|timestamp)( without time zone)?$/.test(baseTypeOf(column)) ? '::text' : '';
      return `${alias}.${quote(column.name)}${cast} AS ${quote(column.name)}`;
    })
    .join(', ');

/**
 * Rows for `jsonb_to_recordset`, which casts each value to the type of its column: numbers beyond JSON's go as text,
 * bytes as hex.
 */
export function recordset(rows: readonly Row[]): string {
  return JSON.stringify(
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]))),
    (_name, value: unknown) => (typeof value === 'bigint' || isNotFinite(value) ? String(value) : value),
  );
}

/** The columns of `recordset`'s rows, for the column definition list. */
export const definitions = (table: VersionedTable, columns: readonly Column[]): string =>
  columns.map((column) => `${quote(column.name)} ${typeOf(table, column)}`).join(', ');

const isNotFinite = (value: unknown): boolean => typeof value === 'number' && !Number.isFinite(value);

const plain = (value: unknown): unknown =>
  value instanceof Uint8Array
    ? `\\x${Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
    : (value ?? null);
