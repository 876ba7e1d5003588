import pg from 'pg';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * A connection for one snapshot and nothing else. It has no statement timeout, since a large table takes its time; a
 * peer that is gone without a word is found out by keep-alive.
 */
export async function connectForSnapshot(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'concordat-snapshot',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  client.on('error', () => undefined); // whoever waits for a statement is told; nobody else needs to be
  await client.connect();
  return client;
}

/** Ends a connection that may be in the middle of a COPY: what it had not committed is taken back by the server. */
export async function abandon(client: pg.Client): Promise<void> {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  stream.destroy();
  await client.end().catch(() => undefined);
}

/** Names of a table's columns, in their order. */
export async function columnsOf(client: pg.Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  );
  return rows.map(({ name }) => name);
}

export const columnList = (columns: readonly string[]): string =>
  columns.map((name) => pg.escapeIdentifier(name)).join(', ');
