import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** A database of its own on the server that `DATABASE_URL` names, for one test file. */
export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  /** Runs a statement there. */
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Ends all connections of others to it, as a restart of the server does. */
  terminateConnections(): Promise<void>;
  drop(): Promise<void>;
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = process.env.DATABASE_URL;
  if (!serverUrl) throw new Error('set DATABASE_URL to a Postgres superuser, or run npm test');
  const name = `participant_test_${randomBytes(6).toString('hex')}`;
  const server = new pg.Pool({ connectionString: serverUrl, max: 2 });
  await server.query(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 4 });
  for (const one of [server, pool]) one.on('error', () => undefined);
  return {
    name,
    url: url.href,
    query: async (text, values) => (await pool.query(text, values)).rows,
    terminateConnections: async () => {
      await server.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    },
    drop: async () => {
      const { rows } = await pool.query('SELECT gid FROM pg_prepared_xacts WHERE database = current_database()');
      for (const { gid } of rows) await pool.query(`ROLLBACK PREPARED ${pg.escapeLiteral(gid)}`);
      await pool.end();
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.end();
    },
  };
}
