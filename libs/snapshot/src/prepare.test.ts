import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Bank, BOOK, drop, put, TABLES } from '../test/bank.js';
import { type Connection, createTestDatabase, PARTICIPANT, type TestDatabase } from '../test/test-database.js';
import { collect } from './collect.js';

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

const branches = () => database.rows('SELECT transaction_id AS id, state, vote, snapshot::int FROM concordat_branch');

/** An intent in a database transaction that is still running; answers how to end it. */
async function insertUnfinished(id: string): Promise<() => Promise<unknown>> {
  await third.query(`BEGIN; SET LOCAL concordat.writer = 'on';
    INSERT INTO account_version (id, balance, transaction_id, deleted) VALUES ('${id}', 0, '1-1-zzz', false)`);
  return () => third.query('ROLLBACK');
}

describe('the prepare of a branch', () => {
  it('S4: is durable, with its vote, when it answers', async () => {
    const snapshot = bank.now;
    const id = await bank.prepared([put('a', 1)]);
    expect(await branches()).toEqual([{ id, state: 'prepared', vote: 'the vote', snapshot }]);
    expect(await bank.versions()).toEqual([{ id: 'a', csn: null, deleted: false, balance: 1 }]);
  });

  it('S4: is refused after its own rollback', async () => {
    const transactionId = bank.coordinator.begin();
    await bank.finalise({ transactionId, csn: null });
    const result = await bank.prepare([put('a', 1)], { transactionId });
    expect(result).toEqual({ kind: 'not-admitted', branch: { state: 'aborted', vote: null } });
    expect(await bank.versions()).toEqual([]);
  });

  it('S4: is refused a second time, and tells the vote of the first', async () => {
    const transactionId = await bank.prepared([put('a', 1)]);
    const result = await bank.prepare([put('b', 1)], { transactionId });
    expect(result).toEqual({ kind: 'not-admitted', branch: { state: 'prepared', vote: 'the vote' } });
    expect(await bank.versions()).toHaveLength(1);
  });

  it('S8: is refused below the horizon', async () => {
    await database.rows(
      'UPDATE concordat_participant SET horizon_incarnation = 1, horizon_term = 1, horizon_sequence = 2',
    );
    const [below, at] = [bank.coordinator.begin(), bank.coordinator.begin()];
    expect(await bank.prepare([put('a', 1)], { transactionId: below })).toEqual({ kind: 'not-admitted' });
    expect(await bank.prepare([put('a', 1)], { transactionId: at })).toEqual({ kind: 'prepared' });
  });

  it('D1: is refused in an earlier incarnation', async () => {
    await database.rows('UPDATE concordat_participant SET incarnation = 2');
    expect(await bank.prepare([put('a', 1)])).toEqual({ kind: 'not-admitted' });
  });

  it('S4: meets the intent of another, says whose, and leaves nothing behind', async () => {
    const first = await bank.prepared([put('b', 1)]);
    expect(await bank.prepare([put('a', 2), put('b', 2)])).toEqual({ kind: 'conflict', transactionIds: [first] });
    expect(await bank.versions()).toEqual([{ id: 'b', csn: null, deleted: false, balance: 1 }]);
    expect(await branches()).toHaveLength(1);
  });

  it('S4: says that it is to start again when the intent that it met is gone', async () => {
    const first = await bank.prepared([put('a', 1)]);
    const hold = other.holdBefore('ROLLBACK');
    const preparing = bank.prepare([put('a', 2)], { on: other });
    await hold.reached;
    await bank.finalise({ transactionId: first, csn: null });
    hold.go();
    expect(await preparing).toEqual({ kind: 'conflict', transactionIds: [] });
  });

  it('S4: is overwritten by a version above its snapshot, of a row or of its deletion, and by none at it', async () => {
    const snapshot = await bank.write(put('a', 1), put('b', 1));
    await bank.write(put('a', 2), drop('b'));
    expect(await bank.prepare([put('a', 3)], { snapshot })).toEqual({ kind: 'overwritten' });
    expect(await bank.prepare([put('b', 3)], { snapshot })).toEqual({ kind: 'overwritten' });
    expect(await bank.versions()).toHaveLength(4);
    expect(await bank.prepare([put('a', 3), put('b', 3)])).toEqual({ kind: 'prepared' });
  });

  it('S4: is overwritten in any of its tables', async () => {
    const page = (isbn: string) => ({ table: BOOK, key: [1, 1], deleted: false, row: { year: 1, page: 1, isbn } });
    const snapshot = bank.now;
    await bank.write(page('x'));
    expect(await bank.prepare([put('a', 1), page('y')], { snapshot })).toEqual({ kind: 'overwritten' });
  });

  it('S4: looks for newer versions once its intents stand: one that came while it waited for its place counts', async () => {
    const first = await bank.prepared([put('a', 1)]);
    const snapshot = bank.now;
    const csn = bank.coordinator.commit(first);
    const hold = bank.connection.holdBefore('COMMIT');
    const finalising = bank.finalise({ transactionId: first, csn });
    await hold.reached;
    const preparing = bank.prepare([put('a', 2)], { on: other, snapshot });
    await database.untilWaiting(1);
    hold.go();
    await finalising;
    expect(await preparing).toEqual({ kind: 'overwritten' });
  });

  it('S4: at a snapshot of which garbage was collected cannot know what it overwrites', async () => {
    const snapshot = await bank.write(put('a', 1));
    const deletion = await bank.write(drop('a'));
    await collect(bank.connection, PARTICIPANT, TABLES, deletion, 100);
    expect(await bank.versions()).toEqual([]);
    expect(await bank.prepare([put('a', 2)], { snapshot })).toEqual({ kind: 'snapshot-too-old' });
    expect(await bank.prepare([put('a', 2)])).toEqual({ kind: 'prepared' });
  });

  it('S4: writes rows in one order, whatever order they are given in: no two prepares wait for each other', async () => {
    const end = await insertUnfinished('m');
    const one = bank.prepare([put('a', 1), put('m', 1), put('z', 1)]);
    await database.untilWaiting(1);
    const two = bank.prepare([put('z', 2), put('m', 2), put('a', 2)], { on: other });
    await database.untilWaiting(2);
    await end();
    const kinds = (await Promise.all([one, two])).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(['conflict', 'prepared']);
  });

  it('S4: writes tables in one order too', async () => {
    const page = (number: number) => ({
      table: BOOK,
      key: [1, number],
      deleted: false,
      row: { year: 1, page: number },
    });
    const end = await insertUnfinished('m');
    const blocked = bank.prepare([put('a', 1), put('m', 1), page(1)]);
    await database.untilWaiting(1);
    const turned = bank.prepare([page(1), put('a', 2)], { on: other });
    await database.untilWaiting(2);
    await end();
    const kinds = (await Promise.all([blocked, turned])).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(['conflict', 'prepared']);
  });

  it('passes on a lock timeout as it is, and leaves the connection without a transaction', async () => {
    const end = await insertUnfinished('a');
    await expect(bank.prepare([put('a', 1)], { lockTimeoutMs: 20 })).rejects.toMatchObject({ code: '55P03' });
    await end();
    expect(await bank.prepare([put('a', 1)])).toEqual({ kind: 'prepared' });
  });

  it('prepares many rows of several tables in two round trips', async () => {
    const sent: string[] = [];
    const query: Connection['query'] = (text, values) => {
      sent.push(text);
      return other.query(text, values);
    };
    const counting: Connection = { ...other, query };
    const pages = Array.from({ length: 50 }, (_, page) => ({
      table: BOOK,
      key: [1, page],
      deleted: false,
      row: { year: 1, page },
    }));
    expect(await bank.prepare([put('a', 1), ...pages], { on: counting })).toEqual({ kind: 'prepared' });
    expect(sent.map((text) => text.trimStart().split(' ')[0])).toEqual(['BEGIN', 'WITH', 'SELECT', 'COMMIT']);
  });
});
