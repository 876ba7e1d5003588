import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Bank, drop, put, TABLES } from '../test/bank.js';
import { type Connection, createTestDatabase, PARTICIPANT, type TestDatabase } from '../test/test-database.js';
import { finalise } from './finalise.js';

let database: TestDatabase;
let bank: Bank;
let other: Connection;
let third: Connection;

beforeAll(async () => {
  database = await createTestDatabase(TABLES);
  [other, third] = await Promise.all([database.connect(), database.connect()]);
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.clear();
  bank = new Bank(database, bank?.connection ?? (await database.connect()));
});

const stateOf = async (id: string) => {
  const [row] = await database.rows('SELECT state, csn::int FROM concordat_branch WHERE transaction_id = $1', [id]);
  return row;
};

describe('the finalisation of branches', () => {
  it('S5: gives the writes of a committed branch its number, and takes those of another away', async () => {
    const one = await bank.prepared([put('a', 1), drop('b')]);
    const two = await bank.prepared([put('c', 1)]);
    const answers = await bank.finalise({ transactionId: two, csn: null }, { transactionId: one, csn: 20 });
    expect(answers).toEqual([
      { transactionId: two, found: 'prepared', csn: null },
      { transactionId: one, found: 'prepared', csn: null },
    ]);
    expect(await bank.versions()).toEqual([
      { id: 'a', csn: 20, deleted: false, balance: 1 },
      { id: 'b', csn: 20, deleted: true, balance: null },
    ]);
    expect([await stateOf(one), await stateOf(two)]).toEqual([
      { state: 'committed', csn: 20 },
      { state: 'aborted', csn: null },
    ]);
  });

  it('S5: a rollback after the commit changes nothing, and tells what it found', async () => {
    const transactionId = await bank.prepared([put('a', 1)]);
    await bank.finalise({ transactionId, csn: 20 });
    expect(await bank.finalise({ transactionId, csn: null })).toEqual([{ transactionId, found: 'committed', csn: 20 }]);
    expect([await stateOf(transactionId), (await bank.versions()).length]).toEqual([
      { state: 'committed', csn: 20 },
      1,
    ]);
  });

  it('S5: a commit after the rollback changes nothing, and tells what it found', async () => {
    const transactionId = await bank.prepared([put('a', 1)]);
    await bank.finalise({ transactionId, csn: null });
    expect(await bank.finalise({ transactionId, csn: 20 })).toEqual([{ transactionId, found: 'aborted', csn: null }]);
    expect(await stateOf(transactionId)).toEqual({ state: 'aborted', csn: null });
  });

  it('S5: a second commit moves nothing, whatever number it names', async () => {
    const transactionId = await bank.prepared([put('a', 1)]);
    await bank.finalise({ transactionId, csn: 20 });
    expect(await bank.finalise({ transactionId, csn: 21 })).toEqual([{ transactionId, found: 'committed', csn: 20 }]);
    expect([await stateOf(transactionId), await bank.versions()]).toEqual([
      { state: 'committed', csn: 20 },
      [{ id: 'a', csn: 20, deleted: false, balance: 1 }],
    ]);
  });

  it('S5: two at the same time carry out one of two contradicting decisions', async () => {
    const transactionId = await bank.prepared([put('a', 1)]);
    const hold = bank.connection.holdBefore('COMMIT');
    const committing = bank.finalise({ transactionId, csn: 20 });
    await hold.reached;
    const rollingBack = finalise(other, PARTICIPANT, TABLES, [{ transactionId, csn: null, leaveAbortRow: false }]);
    await database.untilWaiting(1);
    hold.go();
    expect([(await committing)[0]?.found, (await rollingBack)[0]?.found]).toEqual(['prepared', 'committed']);
    expect(await bank.versions()).toHaveLength(1);
  });

  it('S5: a rollback before its prepare leaves an abort row, below the horizon it leaves none', async () => {
    const [one, two] = [bank.coordinator.begin(), bank.coordinator.begin()];
    const answers = await bank.finalise(
      { transactionId: one, csn: null },
      { transactionId: two, csn: null, leaveAbortRow: false },
    );
    expect(answers.map(({ found }) => found)).toEqual(['absent', 'absent']);
    expect([await stateOf(one), await stateOf(two)]).toEqual([{ state: 'aborted', csn: null }, undefined]);
    expect((await bank.finalise({ transactionId: one, csn: null }))[0]?.found).toBe('aborted');
  });

  it('tells of a commit without a branch row, and leaves none', async () => {
    const transactionId = bank.coordinator.begin();
    expect(await bank.finalise({ transactionId, csn: 20 })).toEqual([{ transactionId, found: 'absent', csn: null }]);
    expect(await stateOf(transactionId)).toBeUndefined();
  });

  it('S5: a failure half-way leaves everything as it was', async () => {
    const transactionId = await bank.prepared([put('a', 1)]);
    const broken = await database.connect();
    broken.breakAt('WITH locked');
    const early = { transactionId: bank.coordinator.begin(), csn: null };
    await expect(finalise(broken, PARTICIPANT, TABLES, [early, { transactionId, csn: 20 }])).rejects.toThrow();
    expect([await stateOf(transactionId), await stateOf(early.transactionId)]).toEqual([
      { state: 'prepared', csn: null },
      undefined,
    ]);
    expect((await bank.finalise({ transactionId, csn: 20 }))[0]?.found).toBe('prepared');
  });

  it('S5: locks branches in the order of their ids: batches in opposite orders do not wait for each other', async () => {
    const ids = [
      await bank.prepared([put('a', 1)]),
      await bank.prepared([put('b', 1)]),
      await bank.prepared([put('c', 1)]),
    ];
    await third.query(`BEGIN; SELECT FROM concordat_branch WHERE transaction_id = '${ids[1]}' FOR UPDATE`);
    const decisions = ids.map((transactionId, index) => ({ transactionId, csn: 20 + index }));
    const one = finalise(bank.connection, PARTICIPANT, TABLES, decisions);
    await database.untilWaiting(1);
    const two = finalise(other, PARTICIPANT, TABLES, decisions.toReversed());
    await database.untilWaiting(2);
    await third.query('ROLLBACK');
    const answers = (await Promise.all([one, two])).flat().map(({ found }) => found);
    expect(answers.sort()).toEqual(['committed', 'committed', 'committed', 'prepared', 'prepared', 'prepared']);
  });

  it('S5: touches no intent while it may still wait for a prepare that is under way', async () => {
    const first = await bank.prepared([put('b', 1)]);
    await third.query(`BEGIN; SET LOCAL concordat.writer = 'on';
      INSERT INTO account_version (id, balance, transaction_id, deleted) VALUES ('a', 0, '1-1-zzz', false)`);
    const second = bank.coordinator.begin();
    const preparing = bank.prepare([put('a', 2), put('b', 2)], { on: other, transactionId: second });
    await database.untilWaiting(1);
    const finalising = bank.finalise({ transactionId: first, csn: 20 }, { transactionId: second, csn: null });
    await database.untilWaiting(2);
    await third.query('ROLLBACK');
    expect((await preparing).kind).toBe('conflict');
    expect((await finalising).map(({ found }) => found)).toEqual(['prepared', 'absent']);
  });

  it('prepares and finalises by index, also where statistics say that all rows are of one transaction', async () => {
    const loaded = await bank.prepared(Array.from({ length: 2000 }, (_, number) => put(`row-${number}`, 1)));
    await bank.finalise({ transactionId: loaded, csn: 25 });
    await database.rows('ANALYZE account_version');
    const fresh = await database.connect(); // it makes its plans now
    const rowsRead = async () => {
      await fresh.query('SELECT pg_stat_force_next_flush()');
      const [row] = await database.rows(
        `SELECT (coalesce(idx_tup_fetch, 0) + seq_tup_read)::int AS count FROM pg_stat_user_tables WHERE relname = 'account_version'`,
      );
      return Number(row?.count);
    };
    const before = await rowsRead();
    const [one, two] = [bank.coordinator.begin(), bank.coordinator.begin()];
    for (const [transactionId, id] of [
      [one, 'new-1'],
      [two, 'new-2'],
    ] as const) {
      const prepared = await bank.prepare([put(id, 2)], { on: fresh, transactionId, snapshot: 20 });
      expect(prepared.kind).toBe('prepared');
    }
    const decisions = [
      { transactionId: one, csn: 30 },
      { transactionId: two, csn: null },
    ];
    await finalise(fresh, PARTICIPANT, TABLES, decisions);
    expect((await rowsRead()) - before).toBeLessThan(50);
  });

  it('D3: refuses a batch that wants both outcomes', async () => {
    const transactionId = bank.coordinator.begin();
    const both = bank.finalise({ transactionId, csn: 20 }, { transactionId, csn: null });
    await expect(both).rejects.toThrow(TypeError);
  });
});
