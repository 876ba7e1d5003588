import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, QueryAnswer } from '@concordat/snapshot';
import type pg from 'pg';
import { backoffMs, type Random } from '../backoff.js';
import { classifyDatabaseError } from '../sql-state.js';

/** A text of a statement is looked up so often that its name is kept; as many as there are tables and rules. */
const NAMES_MAX = 2000;
const names = new Map<string, string>();

/** Statements with values come again and again in the same words: each connection plans them once. */
function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    if (names.size >= NAMES_MAX) names.clear();
    name = `concordat_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`;
    names.set(text, name);
  }
  return name;
}

/** The `Database` of the snapshot rules on one connection. */
function databaseOf(client: pg.Pool | pg.PoolClient): Database {
  return {
    query: (text, values): Promise<QueryAnswer> =>
      values === undefined
        ? client.query(text)
        : client.query({ name: nameOf(text), text, values: values as unknown[] }),
  };
}

const READ_ATTEMPTS_MAX = 3;
const PAUSE_BASE_MS = 10;
const PAUSE_CAP_MS = 200;

/** A `Database` for single statements that only read: one that a broken connection ended is said again. */
export function readingDatabaseOf(pool: pg.Pool, random: Random): Database {
  const database = databaseOf(pool);
  return {
    query: async (text, values) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await database.query(text, values);
        } catch (error) {
          if (classifyDatabaseError(error) !== 'connection' || attempt >= READ_ATTEMPTS_MAX) throw error;
          await sleep(backoffMs(attempt, PAUSE_BASE_MS, PAUSE_CAP_MS, random));
        }
      }
    },
  };
}

/** Runs work on a connection of its own, which is given up when the work failed in a way that leaves it in doubt. */
export async function withConnection<T>(pool: pg.Pool, work: (database: Database) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = true;
  try {
    const answer = await work(databaseOf(client));
    broken = false;
    return answer;
  } catch (error) {
    broken = classifyDatabaseError(error) === 'connection';
    throw error;
  } finally {
    client.release(broken);
  }
}
