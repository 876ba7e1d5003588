import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import { DEFAULT_LIMITS } from './limits.js';
import { checkServer } from './preflight.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  // A server with other settings, without starting one: this function is found before the built-in one.
  await database.query(`CREATE TABLE told (name text PRIMARY KEY, value text)`);
  await database.query(`CREATE FUNCTION current_setting(name text) RETURNS text LANGUAGE sql AS
    $$ SELECT coalesce((SELECT value FROM public.told WHERE told.name = $1), pg_catalog.current_setting($1)) $$`);
  await database.query(`ALTER DATABASE ${database.name} SET search_path = public, pg_catalog`);
});
afterAll(() => database.drop());

/** Checks a server that says so of itself. */
const check = async (settings: Record<string, string>, isolation: 'local' | 'global' = 'local') => {
  await database.query('DELETE FROM told');
  for (const [name, value] of Object.entries(settings))
    await database.query('INSERT INTO told VALUES ($1, $2)', [name, value]);
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  try {
    await checkServer(pool, DEFAULT_LIMITS, isolation);
    return undefined;
  } catch (error) {
    return error as Error;
  } finally {
    await pool.end();
  }
};

describe('the check of the server', () => {
  it('passes one that keeps its promises', async () => {
    expect(await check({})).toBeUndefined();
  });

  it.each([
    ['max_prepared_transactions', '0', 'max_prepared_transactions >= 16'],
    ['fsync', 'off', 'fsync = on'],
    ['synchronous_commit', 'off', 'synchronous_commit = on'],
    ['server_version_num', '130000', 'Postgres 14'],
    ['max_connections', '20', 'max_connections is 20'],
  ])('refuses %s = %s and says what to do', async (name, value, advice) => {
    const error = await check({ [name]: value });
    expect(error?.name).toBe('PreflightError');
    expect(error?.message).toContain(advice);
  });

  it('asks for prepared transactions only where they are used', async () => {
    expect(await check({ max_prepared_transactions: '0' }, 'global')).toBeUndefined();
    expect((await check({ fsync: 'off' }, 'global'))?.message).toContain('fsync = on');
    expect((await check({ synchronous_commit: 'off' }, 'global'))?.message).toContain('synchronous_commit = on');
  });

  it('sees what is set for the role or the database', async () => {
    await database.query(`ALTER DATABASE ${database.name} SET synchronous_commit = off`);
    expect((await check({}))?.message).toContain('synchronous_commit is off');
    await database.query(`ALTER DATABASE ${database.name} RESET synchronous_commit`);
  });
});
