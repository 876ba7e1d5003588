// Floor: what one branch costs in Postgres at the least, on bare pg. One row is inserted and prepared, then committed.
import pg from 'pg';
import { percentile } from '../statistics.mjs';

/** More backends than this only get into each other's way on a small machine. */
const CONNECTIONS_MAX = 32;

/** @param {{ databaseUrl: string, callers: number }} context */
export async function open({ databaseUrl, callers }) {
  const connections = Math.min(callers, CONNECTIONS_MAX);
  const clients = await Promise.all(Array.from({ length: connections }, () => connect(databaseUrl)));
  await clients[0].query('CREATE TABLE IF NOT EXISTS floor_row (id bigint PRIMARY KEY, payload text NOT NULL)');
  const { rows } = await clients[0].query('SELECT COALESCE(max(id), 0) AS last FROM floor_row');
  let sequence = Number(rows[0].last);
  /** Each caller waits its turn for a connection. */
  const turns = clients.map(() => Promise.resolve());
  let prepares = [];

  async function prepareAndCommit(client) {
    sequence += 1;
    const gid = `'concordat:bench:${sequence}'`;
    const started = performance.now();
    await client.query(`BEGIN; INSERT INTO floor_row VALUES (${sequence}, 'one row'); PREPARE TRANSACTION ${gid}`);
    prepares.push(performance.now() - started);
    await client.query(`COMMIT PREPARED ${gid}`);
  }

  return {
    once(caller) {
      const at = caller % connections;
      turns[at] = turns[at].then(() => prepareAndCommit(clients[at]));
      return turns[at];
    },
    onBegin: () => {
      prepares = [];
    },
    /** The PREPARE alone is what a caller waits for. */
    figures: () => ({ prepareP50Ms: percentile(Float64Array.from(prepares).sort(), 0.5) }),
    close: () => Promise.all(clients.map((client) => client.end())),
  };
}

async function connect(databaseUrl) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  return client;
}
