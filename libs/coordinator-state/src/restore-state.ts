import type pg from 'pg';
import { connectForSnapshot } from './connection.js';
import { importState } from './import-state.js';
import { migrateCoordinatorTables } from './migrate.js';
import type { SnapshotHeader } from './snapshot-format.js';
import { SNAPSHOT_TABLES } from './tables.js';

/** The database holds something already; a restore never overwrites. */
export class NotEmptyError extends Error {
  override readonly name = 'NotEmptyError';
}

export interface RestoreOptions {
  /** That of the new cluster, larger than the backup's (D1); the same for all its first replicas. */
  readonly incarnation: number;
  /** Participants that joined after the backup was taken: they are asked for their branches too. */
  readonly participants: readonly string[];
  /** Participants that are gone for good and will never answer. */
  readonly gone: readonly string[];
}

/** The member id of a database that no replica has begun with yet. */
const NOBODY = '';
/** A new log begins here: what the backup holds lies before its first entry. */
const BEGINNING = { appliedIndex: 0, appliedTerm: 0 };

/**
 * Writes a backup into an empty database as the beginning of a new incarnation (docs/decisions/0005-restore.md): index
 * 0 of a new log, with every index of the old log moved to 0 and below, so that they keep their order and none can be
 * taken for one of the new log.
 * @throws NotEmptyError, SnapshotFormatError
 */
export async function restoreState(
  databaseUrl: string,
  chunks: AsyncIterable<Uint8Array>,
  options: RestoreOptions,
): Promise<SnapshotHeader> {
  await migrateCoordinatorTables(databaseUrl);
  return importState(databaseUrl, chunks, {
    check: refuseUnlessEmpty,
    state: (header) => ({
      memberId: NOBODY,
      incarnation: options.incarnation,
      ...BEGINNING,
      publishedIndex: header.publishedIndex - header.index,
      prunedThrough: header.prunedThrough,
      reconciliation: header.incarnation > 0 ? 'pending' : null,
      writer: null,
    }),
    column: (table, column, { index }) =>
      table === 'transaction' && (column === '"decided_index"' || column === '"persisted_index"')
        ? `${column} - ${index}`
        : column,
    adjust: (client) => adjustMembers(client, options),
  });
}

/** @throws NotEmptyError when the database holds a coordinator's state */
export async function checkEmpty(databaseUrl: string): Promise<void> {
  const client = await connectForSnapshot(databaseUrl);
  try {
    const { rows } = await client.query<{ there: boolean }>(
      `SELECT to_regclass('coordinator_state') IS NOT NULL AND to_regclass('transaction') IS NOT NULL AS there`,
    );
    if (rows[0]?.there) await refuseUnlessEmpty(client);
  } finally {
    await client.end();
  }
}

async function refuseUnlessEmpty(client: pg.Client): Promise<void> {
  for (const table of ['coordinator_state', ...SNAPSHOT_TABLES]) {
    const found = await client
      .query(`SELECT FROM ${table} LIMIT 1`)
      .catch((error: { code?: string }) => (error.code === '42P01' ? { rowCount: 0 } : Promise.reject(error)));
    if (found.rowCount) throw new NotEmptyError(`the table ${table} has rows`);
  }
}

/**
 * The members of the old cluster are no members of the new one; its participants are, but for those that are gone. Leased
 * snapshots end: an older commit may still turn up below them. Locks end too: their holders count a time that this cluster
 * knows nothing of, and whoever comes next gets a larger token than any of theirs.
 */
async function adjustMembers(client: pg.Client, { participants, gone }: RestoreOptions): Promise<void> {
  await client.query('TRUNCATE member, leased_snapshot, lock_hold, lock_session');
  await client.query('DELETE FROM participant WHERE name = ANY ($1)', [gone]);
  await client.query(
    `INSERT INTO participant (name, isolation, operations, registered_at)
     SELECT name, 'local', '[]', now() FROM unnest($1::text[]) AS name ON CONFLICT DO NOTHING`,
    [participants],
  );
}
