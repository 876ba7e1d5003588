import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { CommandFailure } from './failure.js';

const CONNECT_TIMEOUT_MS = 5_000;
const GIVE_A_URL = 'Name the replicas with --url http://host:8080 or in CONCORDAT_URL.';
const GIVE_A_DATABASE = 'Give the database of one replica with --database-url postgres://user:password@host:5432/name.';

/** The database of the replica that is furthest, among those that `npm start` runs on this machine. */
export async function furthestDatabase(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, 'run.json');
  const coordinators = await coordinatorsIn(path, GIVE_A_DATABASE);
  const urls = coordinators.flatMap(({ databaseUrl }) => (databaseUrl ? [databaseUrl] : []));
  const found = await Promise.all(urls.map(async (url) => ({ url, index: await appliedIndexOf(url) })));
  const [best] = found.filter(({ index }) => index >= 0).sort((a, b) => b.index - a.index);
  if (!best) {
    throw new CommandFailure('unreachable', `No database of those that ${path} names answers.`, GIVE_A_DATABASE);
  }
  return best.url;
}

/** Where the replicas that `npm start` runs on this machine are called. */
export async function coordinatorUrls(dataDirectory: string): Promise<string[]> {
  const found = await coordinatorsIn(join(dataDirectory, 'run.json'), GIVE_A_URL);
  return found.flatMap(({ url }) => (url ? [url] : []));
}

async function coordinatorsIn(
  path: string,
  advice: string,
): Promise<readonly { url?: string; databaseUrl?: string }[]> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new CommandFailure('unreachable', `Nothing runs here: there is no ${path}.`, advice, { cause });
  });
  return (JSON.parse(text) as { coordinators?: { url?: string; databaseUrl?: string }[] }).coordinators ?? [];
}

/** @returns -1 where there is none */
async function appliedIndexOf(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => undefined); // the query tells
  try {
    await client.connect();
    const { rows } = await client.query<{ index: string }>('SELECT applied_index AS index FROM coordinator_state');
    return Number(rows[0]?.index ?? -1);
  } catch {
    return -1; // it counts as not there, and if none is, that is said
  } finally {
    await client.end().catch(() => undefined);
  }
}
