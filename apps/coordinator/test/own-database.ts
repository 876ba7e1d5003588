import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** A database of one test suite in the server of DATABASE_URL, whose user must be allowed to create databases. */
export interface OwnDatabase {
  readonly url: string;
  /** Runs one statement as an onlooker. */
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>;
  drop(): Promise<void>;
}

/** Makes an empty database with a random name. */
export async function createOwnDatabase(prefix: string): Promise<OwnDatabase> {
  const serverUrl = process.env.DATABASE_URL;
  if (!serverUrl) throw new Error('set DATABASE_URL to a Postgres server for this suite, or run npm test');
  const name = `${prefix}_${randomBytes(6).toString('hex')}`;
  const server = new pg.Client({ connectionString: serverUrl });
  await server.connect();
  await server.query(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const onlooker = new pg.Pool({ connectionString: url.href, max: 2 });
  onlooker.on('error', () => undefined);
  return {
    url: url.href,
    query: async <R extends pg.QueryResultRow>(text: string, values?: unknown[]) =>
      (await onlooker.query<R>(text, values)).rows,
    drop: async () => {
      await onlooker.end();
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.end();
    },
  };
}
