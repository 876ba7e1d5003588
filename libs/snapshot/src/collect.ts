/**
 * Rule S7: the collection of garbage. A version may go when one that superseded it is at or below the watermark: no
 * snapshot from the watermark on shows it. A tombstone at or below the watermark may go: no row says the same.
 *
 * - Where garbage lies. A version becomes garbage because another was committed. So a collection walks the versions by
 *   their csn from where the last one ended (`gc_csn`), and looks behind each: the work goes with what was committed,
 *   not with what is there.
 * - `gc_csn` changes in the same database transaction as the rows. Without: set later, a reader at 5 finds the version
 *   of 5 gone and takes the row for absent; set earlier, in a transaction of its own, a crash leaves garbage that no
 *   later walk comes by.
 * - The walk ends at the snapshot of the oldest prepared branch. T, prepared at snapshot 5, is committed with csn 6 and
 *   not finalised here yet; a walk past 6 would have gone by before T's version was there, and what T superseded would
 *   stay for ever. (The csn of a branch is above its snapshot; one that prepares later gets a csn above the watermark.)
 * - A tombstone goes together with everything older. Without: the row that was deleted comes back.
 */
import type { Database, QueryAnswer } from './database.js';
import { UNIQUE_TABLE } from './schema.js';
import { list, quote, sameKey } from './sql.js';
import { BEGIN_WRITING } from './statements.js';
import type { VersionedTable } from './table.js';

/** Batches in one call: what is left waits for the next one. */
const BATCHES_MAX = 100;

/**
 * Collects garbage.
 * @param tables all versioned tables of the participant (UNIQUE_TABLE is added here)
 * @param watermark a CSN below which no snapshot is read any more; at most the applied CSN
 * @param batchMax how many versions of each table one database transaction looks at (more only where one transaction
 *   wrote more)
 * @returns how many rows went
 */
export async function collect(
  db: Database,
  participant: string,
  tables: readonly VersionedTable[],
  watermark: number,
  batchMax: number,
): Promise<number> {
  const all = [...tables, UNIQUE_TABLE];
  const { rows } = await db.query(BOUND_STATEMENT, [participant, watermark]);
  const bound = Number(rows[0]?.bound ?? 0);
  let from = Number(rows[0]?.gc_csn ?? 0);
  let collected = 0;
  for (let batch = 0; batch < BATCHES_MAX && from < bound; batch += 1) {
    const upTo = await nextBound(db, all, from, bound, batchMax);
    if (upTo === undefined) break;
    collected += await collectRange(db, participant, all, from, upTo);
    from = upTo;
  }
  return collected;
}

const BOUND_STATEMENT = `SELECT p.gc_csn, least($2::bigint, (
    SELECT min(b.snapshot) FROM concordat_branch b WHERE b.participant = p.participant AND b.state = 'prepared')) AS bound
  FROM concordat_participant p WHERE p.participant = $1::text`;

/** The end of a range with about `batchMax` versions, or undefined where there are none up to the bound. */
async function nextBound(
  db: Database,
  tables: readonly VersionedTable[],
  from: number,
  bound: number,
  batchMax: number,
) {
  const inRange = (table: VersionedTable, rest: string) =>
    `(SELECT csn FROM ${quote(table.table)} WHERE csn > $1::bigint AND csn <= $2::bigint ORDER BY csn ${rest})`;
  const ends = tables.map((table) => inRange(table, 'OFFSET $3::bigint - 1 LIMIT 1'));
  const any = tables.map((table) => `EXISTS ${inRange(table, 'LIMIT 1')}`);
  const { rows } = await db.query(
    `SELECT least($2::bigint, ${ends.join(', ')}) AS up_to, ${any.join(' OR ')} AS found`,
    [from, bound, batchMax],
  );
  return rows[0]?.found === true ? Number(rows[0].up_to) : undefined;
}

async function collectRange(
  db: Database,
  participant: string,
  tables: readonly VersionedTable[],
  from: number,
  upTo: number,
): Promise<number> {
  const settled = await Promise.allSettled([
    db.query(BEGIN_WRITING),
    // First, so that two processes of one participant take turns.
    db.query('UPDATE concordat_participant SET gc_csn = greatest(gc_csn, $2::bigint) WHERE participant = $1::text', [
      participant,
      upTo,
    ]),
    ...tables.map((table) => db.query(deleteStatement(table), [from, upTo])),
    db.query('COMMIT'), // which rolls back if a statement before it failed
  ]);
  for (const one of settled) if (one.status === 'rejected') throw one.reason;
  const answers = settled.map((one) => (one as PromiseFulfilledResult<QueryAnswer>).value);
  return answers.slice(2, -1).reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
}

function deleteStatement(table: VersionedTable): string {
  const name = quote(table.table);
  return `DELETE FROM ${name} old USING (
      SELECT ${list(table.key)}, max(csn) AS csn FROM ${name}
      WHERE csn > $1::bigint AND csn <= $2::bigint GROUP BY ${list(table.key)}) newest
    WHERE ${sameKey(table, 'old', 'newest')} AND old.csn <= newest.csn AND old.csn IS NOT NULL
      AND (old.csn < newest.csn OR old.deleted)`;
}
