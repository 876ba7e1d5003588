/**
 * Rules S4 and S6: the statements of one prepare. Each guards against one schedule:
 *
 * 1. The branch row comes first, and only where the participant's state admits the transaction. Without: a rollback
 *    that came before its prepare leaves an abort row, and the late prepare leaves intents that nobody ever finalises.
 * 2. Intents in one global order, one per row. Without the one per row: two transactions at snapshot 5 both find
 *    nothing newer, both prepare the same row, both commit: the first update is lost.
 * 3. Then, in a statement of its own, nothing that is written has a csn above the snapshot. Looked at before the
 *    intents: T2, at snapshot 5, finds nothing newer; T1 finalises the row with csn 6; T2 inserts its intent, meets none,
 *    and prepares: T1's update is lost. After them nobody else's version can come any more.
 * 4. In that same statement, `gc_csn` is at most the snapshot. Without: T1 deleted the row with csn 6, the tombstone was
 *    collected, and T2 at snapshot 5 finds no version above 5: it writes over a deletion that it has not seen.
 * 5. The commit is the yes vote: durable before it is said.
 *
 * Other people's intents are never waited for, only their database transactions, which are short.
 */
import type { Database, QueryAnswer } from './database.js';
import { lockMarks, type MarkPlan, marksConflictStatement, planOfMarks } from './marks.js';
import type { PrepareRequest } from './prepare-request.js';
import { definitions, quote, sameKey } from './sql.js';
import {
  BEGIN_WRITING,
  inGlobalOrder,
  insertIntents,
  intentRows,
  partsOf,
  type Statement,
  type TableWrites,
} from './statements.js';
import { keyColumnsOf } from './table.js';

export interface BranchRow {
  readonly state: 'prepared' | 'committed' | 'aborted';
  readonly vote: string | null;
}

export type PrepareResult =
  | { readonly kind: 'prepared' }
  /** The transaction has a row already (which is given), or is below the horizon, or of an earlier incarnation. */
  | { readonly kind: 'not-admitted'; readonly branch?: BranchRow }
  /** Intents or marks of others are in the way: resolve them, then start again or vote no. None named: start again. */
  | { readonly kind: 'conflict'; readonly transactionIds: readonly string[] }
  /** What was written (or, serializable, read) has a version above the snapshot: another committed first. */
  | { readonly kind: 'overwritten' }
  | { readonly kind: 'snapshot-too-old' };

/**
 * Prepares a branch durably in one READ COMMITTED transaction, which it begins and ends itself. On any other answer
 * than `prepared`, and on errors (40P01, 55P03, 57014 come as they are), nothing is left behind.
 */
export async function prepareBranch(db: Database, request: PrepareRequest): Promise<PrepareResult> {
  const tables = inGlobalOrder(request.writes);
  const marks = request.serializable ? planOfMarks(tables, request.marks) : undefined;
  // READ COMMITTED, and statements that are sent one behind the other: each sees what was committed before it began.
  const [, , placed, inTheWay, checked] = await allOf(db, [
    db.query(beginStatement(request)),
    marks && lockMarks(db, marks),
    db.query(...placeStatement(request, tables, marks)),
    marks && db.query(...marksConflictStatement(request, marks)),
    db.query(...checkStatement(request, tables)),
  ]);
  const failure = failureOf(placed?.rows[0], inTheWay?.rows ?? [], checked?.rows[0]);
  await db.query(failure ? 'ROLLBACK' : 'COMMIT');
  if (!failure) return { kind: 'prepared' };
  if (failure.kind === 'not-admitted') return withBranch(db, request);
  if (failure.kind === 'conflict' && failure.transactionIds.length === 0) return findWriters(db, request, tables);
  return failure;
}

const beginStatement = ({ lockTimeoutMs, statementTimeoutMs }: PrepareRequest): string =>
  `${BEGIN_WRITING};
   SET LOCAL lock_timeout = ${Math.ceil(lockTimeoutMs)};
   SET LOCAL statement_timeout = ${Math.ceil(statementTimeoutMs)};
   SET LOCAL idle_in_transaction_session_timeout = ${Math.ceil(statementTimeoutMs)}`;

/** All answers, or the first error once nothing runs any more and nothing is left behind. */
async function allOf(
  db: Database,
  queries: readonly (Promise<QueryAnswer> | undefined)[],
): Promise<(QueryAnswer | undefined)[]> {
  const settled = await Promise.allSettled(queries);
  const failed = settled.find((one) => one.status === 'rejected');
  if (!failed) return settled.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
  await db.query('ROLLBACK').catch(() => undefined); // the connection broke, and with it the transaction ended
  throw failed.reason;
}

/**
 * The branch row, then the intents table by table, then the marks. One statement, since each part only has to meet what
 * others inserted, which insertion does whatever it can see; a part waits for the one before, and a conflict ends it.
 */
function placeStatement(request: PrepareRequest, tables: readonly TableWrites[], marks?: MarkPlan): Statement {
  const { participant, transactionId, snapshot, vote } = request;
  const { incarnation, term, sequence } = partsOf(transactionId);
  const values: unknown[] = [transactionId, participant, incarnation, term, sequence, vote, snapshot];
  const parts = [INSERT_BRANCH];
  let condition = 'EXISTS (SELECT FROM branch)';
  tables.forEach((table, position) => {
    const rows = `$${values.push(intentRows(table))}`;
    parts.push(`intents_${position} AS (${insertIntents(table.table, rows, condition)})`);
    condition = `(SELECT count(*) FROM intents_${position}) = jsonb_array_length(${rows}::jsonb)`;
  });
  const complete = condition;
  if (marks && marks.reads.length > 0) {
    const rows = `$${values.push(JSON.stringify(marks.reads))}`;
    parts.push(`marks AS (INSERT INTO concordat_read_mark (participant, entity, key, transaction_id)
      SELECT $2::text, m.entity, m.key, $1::text FROM jsonb_to_recordset(${rows}::jsonb) AS m(entity text, key text)
      WHERE ${complete} ON CONFLICT DO NOTHING)`);
  }
  const text = `WITH ${parts.join(', ')}
    SELECT EXISTS (SELECT FROM branch) AS admitted, ${complete} AS complete`;
  return [text, values];
}

/**
 * The branch row where the state of the participant admits the transaction: not below the horizon (S8), not of an earlier
 * incarnation (D1). One statement, one moment: the collection of branch rows cannot slip in between.
 */
const INSERT_BRANCH = `branch AS (
  INSERT INTO concordat_branch (transaction_id, participant, state, incarnation, term, sequence, vote, snapshot)
  SELECT $1::text, $2::text, 'prepared', $3::bigint, $4::bigint, $5::bigint, $6::text, $7::bigint FROM concordat_participant
  WHERE participant = $2::text AND incarnation <= $3::bigint
    AND (horizon_incarnation, horizon_term, horizon_sequence) <= ($3::bigint, $4::bigint, $5::bigint)
  ON CONFLICT DO NOTHING RETURNING 1)`;

/** Parts 3 and 4 of the rule. */
function checkStatement(
  { participant, transactionId, snapshot }: PrepareRequest,
  tables: readonly TableWrites[],
): Statement {
  const newer = tables.map(
    ({
      table,
      // Row by row of its own: the planner could as well go through everything that is newer than an old snapshot.
    }) => `EXISTS (SELECT FROM ${quote(table.table)} own CROSS JOIN LATERAL (
        SELECT FROM ${quote(table.table)} newer WHERE ${sameKey(table, 'own', 'newer')} AND newer.csn > $3::bigint LIMIT 1) newer
      WHERE own.transaction_id = $2::text)`,
  );
  const text = `SELECT coalesce((SELECT gc_csn FROM concordat_participant WHERE participant = $1::text), 0) <= $3::bigint AS fresh,
    ${[...newer, '$2::text IS NULL'].join(' OR ')} AS overwritten`;
  return [text, [participant, transactionId, snapshot]];
}

function failureOf(
  placed: Record<string, unknown> | undefined,
  inTheWay: readonly Record<string, unknown>[],
  checked: Record<string, unknown> | undefined,
): Exclude<PrepareResult, { kind: 'prepared' }> | undefined {
  if (placed?.admitted !== true) return { kind: 'not-admitted' };
  if (placed.complete !== true) return { kind: 'conflict', transactionIds: [] };
  const others = inTheWay.flatMap(({ transaction_id: id }) => (id === null ? [] : [String(id)]));
  if (others.length > 0) return { kind: 'conflict', transactionIds: others };
  if (checked?.fresh !== true) return { kind: 'snapshot-too-old' };
  const overwritten = checked.overwritten !== false || inTheWay.some(({ overwritten }) => overwritten === true);
  return overwritten ? { kind: 'overwritten' } : undefined;
}

async function withBranch(db: Database, { participant, transactionId }: PrepareRequest): Promise<PrepareResult> {
  const { rows } = await db.query(
    'SELECT state, vote FROM concordat_branch WHERE participant = $1 AND transaction_id = $2',
    [participant, transactionId],
  );
  const branch = rows[0] as BranchRow | undefined;
  return branch ? { kind: 'not-admitted', branch } : { kind: 'not-admitted' };
}

/** Whose intents were met. None are left where they were finalised meanwhile. */
async function findWriters(db: Database, { transactionId }: PrepareRequest, tables: readonly TableWrites[]) {
  const values: unknown[] = [transactionId];
  const parts = tables.map((table) => {
    const rows = `$${values.push(intentRows(table))}`;
    return `SELECT v.transaction_id FROM jsonb_to_recordset(${rows}::jsonb) AS w(${definitions(table.table, keyColumnsOf(table.table))})
      CROSS JOIN LATERAL (SELECT transaction_id FROM ${quote(table.table.table)} v
        WHERE ${sameKey(table.table, 'v', 'w')} AND v.csn IS NULL AND v.transaction_id <> $1::text LIMIT 1) v`;
  });
  const { rows } = await db.query(parts.join(' UNION '), values);
  return { kind: 'conflict', transactionIds: rows.map(({ transaction_id: id }) => String(id)) } as const;
}
