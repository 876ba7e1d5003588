import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Bank, BOOK, drop, put, TABLES } from '../test/bank.js';
import { createTestDatabase, PARTICIPANT, type TestDatabase } from '../test/test-database.js';
import { collect } from './collect.js';

let database: TestDatabase;
let bank: Bank;

beforeAll(async () => {
  database = await createTestDatabase(TABLES);
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.clear();
  bank = new Bank(database, bank?.connection ?? (await database.connect()));
});

const collectUpTo = (watermark: number, batchMax = 100) =>
  collect(bank.connection, PARTICIPANT, TABLES, watermark, batchMax);
const gcCsn = async () => Number((await database.rows('SELECT gc_csn FROM concordat_participant'))[0]?.gc_csn);
const csns = async () => (await bank.versions()).map(({ id, csn }) => [id, csn]);

describe('the collection of garbage', () => {
  it('S7: takes what was superseded at or below the watermark, and keeps what a snapshot may still show', async () => {
    const [, second, third] = [
      await bank.write(put('a', 1)),
      await bank.write(put('a', 2)),
      await bank.write(put('a', 3)),
    ];
    expect(await collectUpTo(second as number)).toBe(1);
    expect(await csns()).toEqual([
      ['a', second],
      ['a', third],
    ]);
    expect(await bank.balance('a', second)).toBe(2);
  });

  it('S7: takes a tombstone at or below the watermark with everything older', async () => {
    await bank.write(put('a', 1), put('b', 1));
    const deletion = await bank.write(drop('a'));
    await bank.write(drop('b'));
    expect(await collectUpTo(deletion)).toBe(2);
    expect((await csns()).map(([id]) => id)).toEqual(['b', 'b']);
    expect(await bank.balance('a')).toBeUndefined();
  });

  it('S7: takes a tombstone whose row was made anew, and the row before, but not the new one', async () => {
    await bank.write(put('a', 1));
    await bank.write(drop('a'));
    const again = await bank.write(put('a', 2));
    expect(await collectUpTo(again)).toBe(2);
    expect(await csns()).toEqual([['a', again]]);
  });

  it('S7: leaves intents alone', async () => {
    await bank.write(put('a', 1));
    await bank.prepared([put('a', 2)]);
    expect(await collectUpTo(bank.now)).toBe(0);
    expect((await csns()).map(([, csn]) => csn)).toEqual([11, null]);
  });

  it('S7: a reader sees the rows and the mark of the collection change in the same moment', async () => {
    const old = await bank.write(put('a', 1));
    const recent = await bank.write(put('a', 2));
    const hold = bank.connection.holdBefore('COMMIT');
    const collecting = collectUpTo(recent);
    await hold.reached;
    expect(await bank.balance('a', old)).toBe(1);
    hold.go();
    expect(await collecting).toBe(1);
    await expect(bank.balance('a', old)).rejects.toMatchObject({ code: 'snapshot-too-old' });
  });

  it('S7: that fails half-way leaves everything for the next one', async () => {
    await bank.write(put('a', 1));
    const recent = await bank.write(put('a', 2));
    const broken = await database.connect();
    broken.breakAt('DELETE FROM "concordat_unique_version"');
    await expect(collect(broken, PARTICIPANT, TABLES, recent, 100)).rejects.toThrow();
    expect([await gcCsn(), (await csns()).length]).toEqual([0, 2]);
    expect(await collectUpTo(recent)).toBe(1);
  });

  it('S7: does not go by what is committed and not finalised yet', async () => {
    await bank.write(put('a', 1));
    const slow = await bank.prepared([put('a', 2)]);
    const csn = bank.coordinator.commit(slow);
    await bank.write(put('b', 1));
    await collectUpTo(bank.now);
    await bank.finalise({ transactionId: slow, csn });
    await bank.write(put('b', 2));
    await collectUpTo(bank.now);
    expect((await csns()).filter(([id]) => id === 'a')).toEqual([['a', csn]]);
  });

  it('never goes back, and leaves the mark where it is while nothing was committed', async () => {
    const first = await bank.write(put('a', 1));
    await collectUpTo(first);
    expect(await collectUpTo(first - 1)).toBe(0);
    await collectUpTo(first + 100);
    expect(await gcCsn()).toBe(first);
  });

  it('goes in batches, of all tables, without leaving anything', async () => {
    const page = (isbn: string) => ({ table: BOOK, key: [1, 1], deleted: false, row: { year: 1, page: 1, isbn } });
    for (let round = 0; round < 12; round += 1) await bank.write(put('a', round), put('b', round), page(`${round}`));
    expect(await collectUpTo(bank.now, 5)).toBe(33);
    expect(await csns()).toEqual([
      ['a', bank.now],
      ['b', bank.now],
    ]);
  });

  it('keeps a table bounded under endless updates of few rows', async () => {
    const rows = 10;
    let most = 0;
    for (let round = 0; round < 30; round += 1) {
      await bank.write(...Array.from({ length: rows }, (_, index) => put(`row ${index}`, round)));
      if (round % 3 === 2) await collectUpTo(bank.now);
      most = Math.max(most, (await bank.versions()).length);
    }
    expect(most).toBeLessThanOrEqual(4 * rows);
  });
});
