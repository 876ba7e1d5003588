/** Pieces of the statements of a prepare. */
import { parseTransactionId, type TransactionIdParts } from '@concordat/protocol';
import { definitions, list, quote, recordset } from './sql.js';
import { encodeKey, type Row, type VersionedTable } from './table.js';
import type { Write } from './write-set.js';

/** The writes to one table, in the order of their keys. */
export interface TableWrites {
  readonly table: VersionedTable;
  readonly writes: readonly (Write & { readonly encoded: string })[];
}

/**
 * Writes in the one order that all transactions keep: by table, then by key (S4).
 *
 * Without it: T1 writes a and waits for T2 at b, T2 wrote b and waits for T1 at a; both are killed by the deadlock
 * detector a second later, or by their lock timeouts.
 */
export function inGlobalOrder(writes: readonly Write[]): readonly TableWrites[] {
  const tables = new Map<string, { table: VersionedTable; writes: (Write & { encoded: string })[] }>();
  for (const write of writes) {
    const { table, key } = write;
    const group = tables.get(table.table) ?? { table, writes: [] };
    tables.set(table.table, group);
    group.writes.push({ ...write, encoded: encodeKey(table, key) });
  }
  for (const group of tables.values()) group.writes.sort((a, b) => compareTexts(a.encoded, b.encoded));
  return [...tables.values()].sort((a, b) => compareTexts(a.table.table, b.table.table));
}

/**
 * How every writing transaction begins. Its statements name their rows by key or by transaction, few of many. Their
 * plans are made once and kept (to plan the finalisation of one branch takes longer than to finalise eight), some while
 * the tables are still empty. So they go by index and row by row, whatever the planner's statistics say by then.
 */
export const BEGIN_WRITING = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL concordat.writer = 'on';
  SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
  SET LOCAL plan_cache_mode = force_generic_plan`;

/** A text, always one statement, and the values of its parameters. */
export type Statement = [text: string, values: readonly unknown[]];

export const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** @throws TypeError; so an id that passes has nothing but digits, letters and hyphens */
export function partsOf(transactionId: string): TransactionIdParts {
  const parts = parseTransactionId(transactionId);
  if (parts === undefined) throw new TypeError(`"${transactionId}" is not a transaction id`);
  return parts;
}

/** Rows for `intentsQuery`: place in the order, whether deleted, and the columns. */
export function intentRows({ table, writes }: TableWrites): string {
  return recordset(
    writes.map(({ key, row }, ordinal): Row => {
      const columns = row ?? Object.fromEntries(table.key.map((name, position) => [name, key[position]]));
      return { ...columns, 'concordat.ordinal': ordinal, 'concordat.deleted': row === null };
    }),
  );
}

/**
 * Inserts the rows of parameter `rows` as intents of transaction $1, in their order, where `condition` holds. A row that
 * has an intent already is passed over: the caller counts. (Waits for the end of a database transaction that is about
 * to insert or finalise an intent of the same row.)
 */
export function insertIntents(table: VersionedTable, rows: string, condition: string): string {
  const names = table.columns.map(({ name }) => name);
  return `INSERT INTO ${quote(table.table)} (${list(names)}, transaction_id, csn, deleted)
    SELECT ${list(names, 'w')}, $1::text, NULL, w."concordat.deleted"
    FROM jsonb_to_recordset(${rows}::jsonb) AS w("concordat.ordinal" integer, "concordat.deleted" boolean,
      ${definitions(table, table.columns)})
    WHERE ${condition} ORDER BY w."concordat.ordinal" ON CONFLICT DO NOTHING RETURNING 1`;
}
