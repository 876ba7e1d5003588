import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Database, QueryAnswer } from '../src/database.js';
import { SHARED_STATEMENTS, tableStatements } from '../src/schema.js';
import type { VersionedTable } from '../src/table.js';

export const PARTICIPANT = 'bank';

/** A connection that can be told to stop before a statement. */
export interface Connection extends Database {
  /** The next statement that begins with the words waits for `go`; `reached`: those before it are answered. */
  holdBefore(words: string): { reached: Promise<void>; go: () => void };
  /** From now on statements with these words fail. */
  breakAt(words: string): void;
}

/** A database of its own with the tables of a participant, on the server that `DATABASE_URL` names. */
export interface TestDatabase {
  /** For reads and for looking around. */
  readonly pool: Database;
  connect(): Promise<Connection>;
  rows(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Waits until so many sessions wait for a lock. */
  untilWaiting(sessions: number): Promise<void>;
  /** Empties all tables. */
  clear(): Promise<void>;
  drop(): Promise<void>;
}

/** The tables of branches, as the SDK's first migration makes them. */
const BRANCH_TABLES = [
  `CREATE TABLE concordat_branch (
     transaction_id text COLLATE "C" NOT NULL, participant text COLLATE "C" NOT NULL,
     state text COLLATE "C" NOT NULL CHECK (state IN ('committed', 'aborted')),
     incarnation bigint NOT NULL, term bigint NOT NULL, sequence bigint NOT NULL,
     created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (transaction_id, participant))`,
  `CREATE TABLE concordat_participant (
     participant text COLLATE "C" PRIMARY KEY, incarnation bigint NOT NULL DEFAULT 0,
     horizon_incarnation bigint NOT NULL DEFAULT 0, horizon_term bigint NOT NULL DEFAULT 0,
     horizon_sequence bigint NOT NULL DEFAULT 0, updated_at timestamptz NOT NULL DEFAULT now())`,
];

export async function createTestDatabase(tables: readonly VersionedTable[]): Promise<TestDatabase> {
  const serverUrl = process.env.DATABASE_URL;
  if (!serverUrl) throw new Error('set DATABASE_URL to a Postgres superuser, or run npm test');
  const name = `snapshot_test_${randomBytes(6).toString('hex')}`;
  const server = new pg.Client({ connectionString: serverUrl });
  await server.connect();
  await server.query(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 4 });
  pool.on('error', () => undefined);
  const rows = async (text: string, values: unknown[] = []) => (await pool.query(text, values)).rows;
  const schema = [...BRANCH_TABLES, ...SHARED_STATEMENTS, ...tables.flatMap((table) => tableStatements(table))];
  for (const statement of schema) await pool.query(statement);
  const names = [...tables.map(({ table }) => `"${table}"`), 'concordat_unique_version', 'concordat_read_mark'];
  const clients: pg.Client[] = [];
  const clear = async () => {
    await pool.query(`BEGIN; SET LOCAL concordat.writer = 'on';
      TRUNCATE concordat_branch, concordat_participant, ${names.join(', ')};
      INSERT INTO concordat_participant (participant) VALUES ('${PARTICIPANT}'); COMMIT`);
  };
  await clear();
  return {
    pool: { query: (text, values) => pool.query(named(text, values)) as Promise<QueryAnswer> },
    rows,
    clear,
    connect: async () => {
      const options = { connectionString: url.href, pipeline: true };
      const client = new pg.Client(options);
      client.on('error', () => undefined);
      clients.push(client);
      await client.connect();
      return connectionOf(client);
    },
    untilWaiting: async (sessions) => {
      for (;;) {
        const [row] = await rows(`SELECT count(DISTINCT pid)::int AS waiting FROM pg_locks l JOIN pg_database d
          ON d.datname = current_database() WHERE NOT l.granted
          AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())`);
        if (Number(row?.waiting) >= sessions) return;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    drop: async () => {
      await Promise.all([pool.end(), ...clients.map((client) => client.end())]);
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.end();
    },
  };
}

const statementNames = new Map<string, string>();

/** Texts with values are prepared by name, as the SDK does it. */
function named(text: string, values?: readonly unknown[]) {
  if (!values) return { text };
  const name = statementNames.get(text) ?? `s${statementNames.size}`;
  statementNames.set(text, name);
  return { name, text, values: [...values] };
}

function connectionOf(client: pg.Client): Connection {
  let hold: { words: string; reach: () => void; gate: Promise<void> } | undefined;
  let broken: string | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return {
    query: async (text, values) => {
      if (hold && text.trimStart().startsWith(hold.words)) {
        const { reach, gate } = hold;
        hold = undefined;
        await last.catch(() => undefined);
        reach();
        await gate;
      }
      const statement = broken !== undefined && text.includes(broken) ? `SELECT 'broken on purpose'::int` : undefined;
      const answer = client.query(statement ? { text: statement } : named(text, values)) as Promise<QueryAnswer>;
      last = answer;
      return answer;
    },
    holdBefore: (words) => {
      const reached = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      hold = { words, reach: reached.resolve, gate: gate.promise };
      return { reached: reached.promise, go: gate.resolve };
    },
    breakAt: (words) => {
      broken = words;
    },
  };
}
