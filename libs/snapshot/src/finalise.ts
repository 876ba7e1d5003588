import type { Database } from './database.js';
import { UNIQUE_TABLE } from './schema.js';
import { quote } from './sql.js';
import { BEGIN_WRITING, partsOf } from './statements.js';
import type { VersionedTable } from './table.js';

export interface Decision {
  readonly transactionId: string;
  /** Null: roll back. */
  readonly csn: number | null;
  /** Whether a rollback without a branch row leaves an abort row: true, unless the transaction is below the horizon (S8). */
  readonly leaveAbortRow?: boolean;
}

export interface FinaliseAnswer {
  readonly transactionId: string;
  /** The state before. A state that contradicts the decision is left as it is: report it. */
  readonly found: 'prepared' | 'committed' | 'aborted' | 'absent';
  /** The CSN of a branch that was committed before. */
  readonly csn: number | null;
}

/**
 * Carries out decisions, all in one database transaction, which it begins and ends itself. Idempotent (S5).
 *
 * - Only a branch that is prepared is finalised, and only intents (csn null) are touched. Without: a rollback that comes
 *   after the commit, from a leader that was deposed or a message that was delayed, deletes what was committed; and a
 *   second commit that names another csn moves a version, and with it what every snapshot in between has read.
 * - Branch rows are locked in the order of their ids. Without: two batches with T1 and T2 in opposite orders hold one
 *   row each and wait for the other.
 * - Abort rows come first of all. A rollback may wait there for its own prepare, which is under way and may wait for an
 *   intent: had this batch touched that intent before, each would wait for the other.
 * - Versions and branch row change together. Without: a crash between them leaves a committed branch with intents that
 *   nobody will look at again.
 * - A rollback without a branch row leaves an abort row. Without: the prepare that was delayed comes after it, and leaves
 *   intents of a transaction that nobody knows any more.
 *
 * @param tables all versioned tables of the participant (UNIQUE_TABLE is added here)
 * @returns an answer for each decision, in the order given
 */
export async function finalise(
  db: Database,
  participant: string,
  tables: readonly VersionedTable[],
  decisions: readonly Decision[],
): Promise<readonly FinaliseAnswer[]> {
  const wanted = distinct(decisions);
  const aborts = wanted.filter(({ csn, leaveAbortRow }) => csn === null && leaveAbortRow !== false);
  const ids = wanted.map(({ transactionId }) => transactionId);
  const numbers = wanted.map(({ csn }) => csn);
  const settled = await Promise.allSettled([
    db.query(BEGIN_WRITING),
    aborts.length > 0 ? insertAbortRows(db, participant, aborts) : undefined,
    db.query(finaliseStatement([...tables, UNIQUE_TABLE]), [participant, ids, numbers]),
    db.query('COMMIT'), // which rolls back if a statement before it failed
  ]);
  for (const one of settled) if (one.status === 'rejected') throw one.reason;
  const [, inserted, finalised] = settled.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
  const before = new Map((finalised?.rows ?? []).map((row) => [row.transaction_id, row]));
  const fresh = new Set((inserted?.rows ?? []).map((row) => row.transaction_id));
  return decisions.map(({ transactionId }) => {
    const row = fresh.has(transactionId) ? undefined : before.get(transactionId);
    if (!row) return { transactionId, found: 'absent', csn: null };
    const csn = row.csn === null ? null : Number(row.csn);
    return { transactionId, found: row.state as FinaliseAnswer['found'], csn };
  });
}

/** @throws TypeError when one batch wants both outcomes of a transaction (D3) */
function distinct(decisions: readonly Decision[]): readonly Decision[] {
  const byId = new Map<string, Decision>();
  for (const decision of decisions) {
    const known = byId.get(decision.transactionId);
    if (known && known.csn !== decision.csn) throw new TypeError(`two outcomes of ${decision.transactionId}`);
    byId.set(decision.transactionId, decision);
  }
  return [...byId.values()];
}

function insertAbortRows(db: Database, participant: string, aborts: readonly Decision[]) {
  const rows = aborts.map(({ transactionId }) => ({ id: transactionId, ...partsOf(transactionId) }));
  return db.query(
    `INSERT INTO concordat_branch (transaction_id, participant, state, incarnation, term, sequence)
     SELECT a.id, $1::text, 'aborted', a.incarnation, a.term, a.sequence
     FROM jsonb_to_recordset($2::jsonb) AS a(id text COLLATE "C", incarnation bigint, term bigint, sequence bigint)
     ORDER BY a.id ON CONFLICT DO NOTHING RETURNING transaction_id`,
    [participant, JSON.stringify(rows)],
  );
}

/**
 * One statement for all tables. Whoever waited here for a lock sees, once it has it, the row as it is by then; a branch
 * that was finalised meanwhile is not prepared any more, and nothing is done for it.
 */
function finaliseStatement(tables: readonly VersionedTable[]): string {
  // `csn IS NULL`, in words that keep the planner from walking the index of all intents, the finalised ones that are not
  // vacuumed yet among them, instead of looking up those of the transaction.
  const intent = 'coalesce(v.csn, 0) = 0';
  // A list rather than a join: a join may be turned round. Where one transaction once loaded the whole table, the planner
  // takes all rows for its own, and goes through all of them for every branch.
  const idsWhere = (condition: string) => `ANY (ARRAY(SELECT transaction_id FROM due WHERE ${condition}))`;
  const changes = tables.flatMap(({ table }, position) => [
    `commit_${position} AS (UPDATE ${quote(table)} v SET csn = d.decided FROM due d
       WHERE v.transaction_id = ${idsWhere('decided IS NOT NULL')} AND v.transaction_id = d.transaction_id AND ${intent})`,
    `rollback_${position} AS (DELETE FROM ${quote(table)} v
       WHERE v.transaction_id = ${idsWhere('decided IS NULL')} AND ${intent})`,
  ]);
  return `WITH locked AS MATERIALIZED (
      SELECT b.transaction_id, b.state, b.csn, d.decided
      FROM concordat_branch b JOIN unnest($2::text[], $3::bigint[]) AS d(id, decided) ON b.transaction_id = d.id
      WHERE b.participant = $1::text ORDER BY b.transaction_id FOR UPDATE OF b),
    due AS MATERIALIZED (SELECT transaction_id, decided FROM locked WHERE state = 'prepared'),
    ${changes.join(', ')},
    marks AS (DELETE FROM concordat_read_mark
      WHERE participant = $1::text AND transaction_id = ${idsWhere('true')}),
    branch AS (UPDATE concordat_branch b SET csn = d.decided, vote = NULL,
        state = CASE WHEN d.decided IS NULL THEN 'aborted' ELSE 'committed' END
      FROM due d WHERE b.participant = $1::text AND b.transaction_id = d.transaction_id)
    SELECT transaction_id, state, csn FROM locked`;
}
