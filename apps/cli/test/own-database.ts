import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** An empty database of one test in the server of DATABASE_URL, whose user must be allowed to create databases. */
export interface OwnDatabase {
  readonly url: string;
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  drop(): Promise<void>;
}

export async function createOwnDatabase(): Promise<OwnDatabase> {
  const serverUrl = process.env.DATABASE_URL;
  if (!serverUrl) throw new Error('set DATABASE_URL to a Postgres server for this suite, or run npm test');
  const name = `cli_${randomBytes(6).toString('hex')}`;
  const inServer = async (sql: string): Promise<void> => {
    const server = new pg.Client({ connectionString: serverUrl });
    await server.connect();
    await server.query(sql);
    await server.end();
  };
  await inServer(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    query: async (text, values) => {
      const client = new pg.Client({ connectionString: url.href });
      await client.connect();
      const { rows } = await client.query(text, values);
      await client.end();
      return rows;
    },
    drop: () => inServer(`DROP DATABASE ${name} WITH (FORCE)`),
  };
}
