import pg from 'pg';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * About how many bytes a backup will have, for a progress bar: what the tables take on the disk. Rows that were changed often
 * make it too large.
 * @returns undefined where that cannot be told
 */
export async function approximateStateSize(databaseUrl: string): Promise<number | undefined> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => undefined); // the query tells
  try {
    await client.connect();
    const { rows } = await client.query<{ bytes: string | null }>(
      `SELECT sum(pg_table_size(oid)) AS bytes FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`,
    );
    return Number(rows[0]?.bytes) || undefined;
  } catch {
    return undefined; // a bar is an extra; the backup itself tells what is wrong
  } finally {
    await client.end().catch(() => undefined);
  }
}
