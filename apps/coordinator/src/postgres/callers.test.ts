import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createOwnDatabase, type OwnDatabase } from '../../test/own-database.js';
import { INCARNATION, id } from '../../test/stored-records.js';
import { PostgresStore } from './postgres-store.js';

const MEMBER = 'member-a';

/** Transactions 10, 20, … are of `shop`, all others of `noise`. */
describe('lists of one caller', () => {
  let database: OwnDatabase;
  let store: PostgresStore;

  beforeAll(async () => {
    database = await createOwnDatabase('coordinator_callers');
    store = new PostgresStore({ databaseUrl: database.url });
    await store.open(MEMBER, 100);
    await database.query(`INSERT INTO transaction
      SELECT 'x-1-' || n, ${INCARNATION}, 1, n, null, null, n, n + 1, now(), now(), now(), now(), false,
             'completed', 'committed', 'local', null, CASE WHEN n % 10 = 0 THEN 'shop' ELSE 'noise' END, '{}', null, '[]'
        FROM generate_series(1, 5000) AS n`);
    await database.query('ANALYZE transaction');
  });
  afterAll(async () => {
    await store.close();
    await database.drop();
  });

  it('hold its own and nobody else’s, page by page', async () => {
    const first = await store.list({ caller: 'shop', limit: 3 });
    expect(first.map(({ id: one, caller }) => [one, caller])).toEqual([
      ['x-1-5000', 'shop'],
      ['x-1-4990', 'shop'],
      ['x-1-4980', 'shop'],
    ]);
    const next = await store.list({ caller: 'shop', limit: 2, before: id(4980) });
    expect(next.map(({ id: one }) => one)).toEqual(['x-1-4970', 'x-1-4960']);
    expect(await store.list({ caller: "x' OR 'a'='a", limit: 3 })).toEqual([]);
  });

  it('are found by an index, so that a caller with few costs no search through all', async () => {
    const plan = await database.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT * FROM transaction t WHERE t.caller = 'nobody' AND t.caller <> 'anonymous'
        ORDER BY incarnation DESC, term DESC, sequence DESC LIMIT 50`,
    );
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('transaction_caller');
  });
});
