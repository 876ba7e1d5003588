import { compareTransactionIds, parseTransactionId } from '@concordat/protocol';
import type { ClientBase } from 'pg';
import type { PersistBatch } from '../engine/store.js';

/** Rows that one call deletes from each table at most: a long absence is caught up over many batches. */
export const PRUNE_ROWS_MAX = 5_000;

type PruneLimits = NonNullable<PersistBatch['prune']>;

const PRUNE_TRANSACTIONS_SQL = `
WITH deleted AS (
  DELETE FROM transaction
   WHERE ctid = ANY (ARRAY(
     SELECT ctid FROM transaction WHERE completed_at < $1 AND completed_at >= $3
        AND id <> ALL (ARRAY(SELECT transaction_id FROM open_hazard)) -- kept until somebody has looked
      ORDER BY completed_at LIMIT $2))
  RETURNING id, incarnation, term, sequence, completed_at
)
SELECT id, (SELECT count(*)::int FROM deleted) AS count, (SELECT max(completed_at) FROM deleted) AS newest
  FROM deleted ORDER BY incarnation DESC, term DESC, sequence DESC LIMIT 1`;

const PRUNE_KEYS_SQL = `
WITH deleted AS (
  DELETE FROM idempotency_key
   WHERE ctid = ANY (ARRAY(
     SELECT ctid FROM idempotency_key WHERE created_at < $1 AND created_at >= $3 ORDER BY created_at LIMIT $2))
  RETURNING created_at
)
SELECT count(*)::int AS count, max(created_at) AS newest FROM deleted`;

/**
 * Up to where each table was emptied by this process. Without it every round would walk over the index entries of all
 * rows that are deleted and not vacuumed yet, of which a backup that takes long keeps as many as there are. Ties are
 * deleted with the next round; a row that appears behind the mark, by a clock that was set back, after the next start.
 */
export interface PruneMarks {
  readonly transactions: Date;
  readonly keys: Date;
}

/** Everything, from the oldest row on. */
export const PRUNE_FROM_START: PruneMarks = { transactions: new Date(0), keys: new Date(0) };

/** What one round of pruning did. */
export interface Pruned {
  /** Largest id deleted so far, this round included. */
  readonly prunedThrough: string | null;
  readonly marks: PruneMarks;
  /** Whether rows may be left that are to go. */
  readonly more: boolean;
}

/** Deletes one bounded round within the caller's database transaction and writes down how far it went. */
export async function pruneRound(
  client: ClientBase,
  limits: PruneLimits,
  prunedThrough: string | null,
  marks: PruneMarks,
): Promise<Pruned> {
  const before = (ms: number): Date => new Date(ms);
  const transactions = await client.query<{ id: string; count: number; newest: Date }>({
    name: 'prune-transactions',
    text: PRUNE_TRANSACTIONS_SQL,
    values: [before(limits.completedBefore), PRUNE_ROWS_MAX, marks.transactions],
  });
  const keys = await client.query<{ count: number; newest: Date | null }>({
    name: 'prune-keys',
    text: PRUNE_KEYS_SQL,
    values: [before(limits.keysBefore), PRUNE_ROWS_MAX, marks.keys],
  });
  const newest = transactions.rows[0];
  const through = newest ? laterId(prunedThrough, newest.id) : prunedThrough;
  if (through !== prunedThrough) await client.query('UPDATE coordinator_state SET pruned_through = $1', [through]);
  const more = (newest?.count ?? 0) === PRUNE_ROWS_MAX || keys.rows[0]?.count === PRUNE_ROWS_MAX;
  const reached = {
    transactions: newest?.newest ?? marks.transactions,
    keys: keys.rows[0]?.newest ?? marks.keys,
  };
  return { prunedThrough: through, marks: reached, more };
}

/** Limits only ever move forward, so two of them are one. */
export function mergePruneLimits(a: PruneLimits | null, b: PruneLimits | null): PruneLimits | null {
  if (!a || !b) return a ?? b;
  return {
    completedBefore: Math.max(a.completedBefore, b.completedBefore),
    keysBefore: Math.max(a.keysBefore, b.keysBefore),
  };
}

function laterId(a: string | null, b: string): string {
  const first = a === null ? undefined : parseTransactionId(a);
  const second = parseTransactionId(b);
  return a !== null && first && second && compareTransactionIds(first, second) > 0 ? a : b;
}
