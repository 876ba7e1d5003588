import type { HazardChanges, OperatorAction } from '@concordat/transaction';
import type pg from 'pg';
import type { PersistBatch } from '../engine/store.js';
import { int8Array, textArray, timestamptzArray } from './binary-array.js';

/** The audit trail keeps this many actions; the oldest make room. The same everywhere, since it is counted in entries. */
export const OPERATOR_ACTIONS_MAX = 10_000;

/** Writes hazards and actions, within the database transaction of a batch. There are few, so the hot statement is without them. */
export async function persistOperatorRecords(
  client: pg.PoolClient,
  { hazards, actions }: Pick<PersistBatch, 'hazards' | 'actions'>,
): Promise<void> {
  if (hazards) await persistHazards(client, hazards);
  if (actions) await persistActions(client, actions);
}

async function persistHazards(client: pg.PoolClient, hazards: HazardChanges): Promise<void> {
  await client.query(`DELETE FROM open_hazard WHERE transaction_id || ' ' || participant = ANY ($1)`, [
    [...hazards.keys()],
  ]);
  const open = [...hazards.values()].filter((hazard) => hazard !== null);
  await client.query(
    `INSERT INTO open_hazard (transaction_id, participant, kind, outcome, csn, detail, raised_at)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::timestamptz[])`,
    [
      textArray(open.map(({ transactionId }) => transactionId)),
      textArray(open.map(({ participant }) => participant)),
      textArray(open.map(({ kind }) => kind)),
      textArray(open.map(({ outcome }) => outcome)),
      int8Array(open.map(({ csn }) => csn)),
      textArray(open.map(({ detail }) => detail)),
      timestamptzArray(open.map(({ raisedAt }) => raisedAt)),
    ],
  );
}

async function persistActions(client: pg.PoolClient, actions: readonly OperatorAction[]): Promise<void> {
  await client.query(
    `INSERT INTO operator_action (id, at, actor, action, target, reason, outcome)
     SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])`,
    [
      int8Array(actions.map(({ id }) => id)),
      timestamptzArray(actions.map(({ at }) => at)),
      textArray(actions.map(({ actor }) => actor)),
      textArray(actions.map(({ action }) => action)),
      textArray(actions.map(({ target }) => target)),
      textArray(actions.map(({ reason }) => reason)),
      textArray(actions.map(({ outcome }) => outcome)),
    ],
  );
  await client.query(
    'DELETE FROM operator_action WHERE id <= (SELECT id FROM operator_action ORDER BY id DESC OFFSET $1 LIMIT 1)',
    [OPERATOR_ACTIONS_MAX],
  );
}
