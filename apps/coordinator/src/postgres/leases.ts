import type { SnapshotLease } from '@concordat/transaction';
import type pg from 'pg';

/** Writes what was leased and released, within the database transaction of a batch. There are few, so the hot statement is without them. */
export async function persistLeases(
  client: pg.PoolClient,
  leases: ReadonlyMap<string, SnapshotLease | null>,
): Promise<void> {
  const leased = [...leases.values()].filter((lease) => lease !== null);
  await client.query('DELETE FROM leased_snapshot WHERE id = ANY ($1)', [[...leases.keys()]]);
  await client.query(
    `INSERT INTO leased_snapshot (id, csn, created_at, ttl_ms)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::bigint[])`,
    [
      leased.map(({ id }) => id),
      leased.map(({ csn }) => csn),
      leased.map(({ createdAt }) => new Date(createdAt)),
      leased.map(({ ttlMs }) => ttlMs),
    ],
  );
}
