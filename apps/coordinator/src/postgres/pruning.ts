import { compareTransactionIds, parseTransactionId } from '@concordat/protocol';
import type { ClientBase } from 'pg';
import type { PersistBatch } from '../engine/store.js';

/** Rows that one call deletes from each table at most: a long absence is caught up over many batches. */
export const PRUNE_ROWS_MAX = 5_000;

type PruneLimits = NonNullable<PersistBatch['prune']>;

const PRUNE_TRANSACTIONS_SQL = `
WITH deleted AS (
  DELETE FROM transaction
   WHERE ctid = ANY (ARRAY(SELECT ctid FROM transaction WHERE completed_at < $1 ORDER BY completed_at LIMIT $2))
  RETURNING id, incarnation, term, sequence
)
SELECT id, (SELECT count(*)::int FROM deleted) AS count
  FROM deleted ORDER BY incarnation DESC, term DESC, sequence DESC LIMIT 1`;

const PRUNE_KEYS_SQL = `
DELETE FROM idempotency_key
 WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_key WHERE created_at < $1 ORDER BY created_at LIMIT $2))`;

/** What one round of pruning did. */
export interface Pruned {
  /** Largest id deleted so far, this round included. */
  readonly prunedThrough: string | null;
  /** Whether rows may be left that are to go. */
  readonly more: boolean;
}

/** Deletes one bounded round within the caller's database transaction and writes down how far it went. */
export async function pruneRound(
  client: ClientBase,
  limits: PruneLimits,
  prunedThrough: string | null,
): Promise<Pruned> {
  const before = (ms: number): Date => new Date(ms);
  const transactions = await client.query<{ id: string; count: number }>({
    name: 'prune-transactions',
    text: PRUNE_TRANSACTIONS_SQL,
    values: [before(limits.completedBefore), PRUNE_ROWS_MAX],
  });
  const keys = await client.query({
    name: 'prune-keys',
    text: PRUNE_KEYS_SQL,
    values: [before(limits.keysBefore), PRUNE_ROWS_MAX],
  });
  const newest = transactions.rows[0];
  const through = newest ? laterId(prunedThrough, newest.id) : prunedThrough;
  if (through !== prunedThrough) await client.query('UPDATE coordinator_state SET pruned_through = $1', [through]);
  const more = (newest?.count ?? 0) === PRUNE_ROWS_MAX || keys.rowCount === PRUNE_ROWS_MAX;
  return { prunedThrough: through, more };
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
