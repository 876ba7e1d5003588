/**
 * Rule S6: what a serializable transaction has read stays as it was until its decision.
 *
 * - Read marks. Without: T1 reads a and writes b, T2 reads b and writes a, both at snapshot 5; their writes do not meet,
 *   both commit, and no order of the two explains what they read (write skew).
 * - Marks last until the decision, on branches that only read as well. Without: T1 reads a here and writes b elsewhere;
 *   between its prepare here and its decision T2 writes a, reads b as it was, and commits first.
 * - Marks and intents are placed under locks: two prepares that each place theirs and then look for the other's, both
 *   uncommitted, would both see nothing.
 * - The locks have one order, by their number. Without: T1 holds a and waits for b, T2 holds b and waits for a.
 * - What was read has no version above the snapshot. Without: T2 wrote a with csn 6 and was finalised before T1, which
 *   read a at 5, places its mark.
 *
 * A filter read rows that are not there too, so its mark is the whole table. Transactions that are not serializable pay
 * nothing for all this, and are not bound by it.
 */
import type { Database, QueryAnswer } from './database.js';
import type { Mark, PrepareRequest } from './prepare-request.js';
import { definitions, quote, sameKey } from './sql.js';
import type { Statement, TableWrites } from './statements.js';
import { encodeKey, keyColumnsOf, type VersionedTable } from './table.js';
import { keyRows } from './versions.js';

/** Key of a mark on the whole table; no encoded key is empty. */
const WHOLE_TABLE = '';

interface Place {
  readonly entity: string;
  readonly key: string;
}

export interface MarkPlan {
  /** The marks to leave. */
  readonly reads: readonly Place[];
  /** Marks of others on these are in the way: the rows written, and their tables as a whole. */
  readonly writes: readonly Place[];
  readonly marked: readonly {
    readonly table: VersionedTable;
    readonly whole: boolean;
    readonly keys: readonly string[];
  }[];
}

export function planOfMarks(tables: readonly TableWrites[], marks: readonly Mark[]): MarkPlan {
  const marked = new Map<string, { table: VersionedTable; whole: boolean; keys: string[] }>();
  for (const { table, key } of marks) {
    const group = marked.get(table.entity) ?? { table, whole: false, keys: [] };
    marked.set(table.entity, group);
    if (key === null) group.whole = true;
    else group.keys.push(encodeKey(table, key));
  }
  return {
    reads: [...marked.values()].flatMap(({ table: { entity }, whole, keys }) => [
      ...(whole ? [{ entity, key: WHOLE_TABLE }] : []),
      ...keys.map((key) => ({ entity, key })),
    ]),
    writes: tables.flatMap(({ table: { entity }, writes }) => [
      { entity, key: WHOLE_TABLE },
      ...writes.map(({ encoded }) => ({ entity, key: encoded })),
    ]),
    marked: [...marked.values()],
  };
}

/**
 * Locks until the end of the database transaction. A writer takes its rows exclusively and their tables in common with
 * other writers; a mark takes its row in common with other marks, or the whole table alone. So readers of the same row
 * do not wait for each other, and no mark comes between the look and the commit of an intent, nor the reverse.
 *
 * The number of a lock is a hash: two places that share one are one lock, which costs time only. Each is taken once, in
 * its stronger form, since to raise a common lock that another holds too is a deadlock.
 */
export function lockMarks(db: Database, { reads, writes }: MarkPlan): Promise<QueryAnswer> {
  const locks = [
    ...reads.map(({ entity, key }) => ({ entity, key, alone: key === WHOLE_TABLE })),
    ...writes.map(({ entity, key }) => ({ entity, key, alone: key !== WHOLE_TABLE })),
  ];
  return db.query(
    `SELECT CASE WHEN alone THEN pg_advisory_xact_lock(number) ELSE pg_advisory_xact_lock_shared(number) END
     FROM (SELECT hashtextextended('concordat ' || entity || ' ' || key, 0) AS number, bool_or(alone) AS alone
           FROM jsonb_to_recordset($1::jsonb) AS l(entity text, key text, alone boolean)
           GROUP BY number ORDER BY number) locks`,
    [JSON.stringify(locks)],
  );
}

/**
 * A row for each transaction in the way, and rows without one that say whether something that was read has changed.
 * A transaction that is decided is in the way until it is finalised: only then its csn can be looked at.
 */
export function marksConflictStatement(
  { participant, transactionId, snapshot }: PrepareRequest,
  { writes, marked }: MarkPlan,
): Statement {
  const values: unknown[] = [participant, transactionId, snapshot, JSON.stringify(writes)];
  const parts = [
    `SELECT m.transaction_id, false AS overwritten FROM concordat_read_mark m
     JOIN jsonb_to_recordset($4::jsonb) AS w(entity text, key text) USING (entity, key)
     WHERE m.participant = $1::text AND m.transaction_id <> $2::text`,
  ];
  for (const { table, whole, keys } of marked) {
    const among = whole
      ? ''
      : `JOIN jsonb_to_recordset($${values.push(keyRows(table, keys))}::jsonb)
         AS w(${definitions(table, keyColumnsOf(table))}) ON ${sameKey(table, 'v', 'w')}`;
    const from = `FROM ${quote(table.table)} v ${among}`;
    parts.push(
      `SELECT v.transaction_id, false ${from} WHERE v.csn IS NULL AND v.transaction_id <> $2::text`,
      `SELECT NULL, EXISTS (SELECT ${from} WHERE v.csn > $3::bigint)`,
    );
  }
  return [`SELECT DISTINCT * FROM (${parts.join(' UNION ALL ')}) found WHERE $3::bigint IS NOT NULL`, values];
}
