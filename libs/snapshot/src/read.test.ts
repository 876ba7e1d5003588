import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ACCOUNT, Bank, BOOK, drop, put, TABLES } from '../test/bank.js';
import { createTestDatabase, PARTICIPANT, type TestDatabase } from '../test/test-database.js';
import { collect } from './collect.js';
import { readKeys } from './read.js';
import { encodeKey } from './table.js';

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

describe('reading rows at a snapshot', () => {
  it('S1: shows the newest version at or below the snapshot', async () => {
    const csns = [await bank.write(put('a', 1)), await bank.write(put('a', 2)), await bank.write(drop('a'))];
    const seen = await Promise.all([(csns[0] as number) - 1, ...csns].map((csn) => bank.balance('a', csn)));
    expect(seen).toEqual([undefined, 1, 2, undefined]);
  });

  it('S1: shows what was committed at the snapshot and is not finalised yet', async () => {
    await bank.write(put('a', 1));
    const writer = await bank.prepared([put('a', 2)]);
    const before = bank.now;
    const csn = bank.coordinator.commit(writer);
    expect([await bank.balance('a', before), await bank.balance('a', csn)]).toEqual([1, 2]);
  });

  it('S1: shows what was finalised and forgotten between the read and the question', async () => {
    await bank.write(put('a', 1));
    const writer = await bank.prepared([put('a', 2)]);
    const csn = bank.coordinator.commit(writer);
    bank.coordinator.meanwhile = async () => {
      await bank.finalise({ transactionId: writer, csn });
      bank.coordinator.forget(writer);
    };
    expect(await bank.balance('a', csn)).toBe(2);
  });

  it('S1: shows what a second writer committed while the question about the first was under way', async () => {
    const first = await bank.prepared([put('a', 1)]);
    const second = bank.coordinator.begin();
    const firstCsn = bank.coordinator.commit(first);
    bank.coordinator.meanwhile = async () => {
      await bank.finalise({ transactionId: first, csn: firstCsn });
      bank.coordinator.forget(first);
      await bank.prepared([put('a', 2)], { transactionId: second });
    };
    expect(await bank.balance('a', firstCsn)).toBe(1);
  });

  it('never waits for a writer, not even for one in the middle of its prepare', async () => {
    await bank.write(put('a', 1));
    const hold = bank.connection.holdBefore('COMMIT');
    const preparing = bank.prepare([put('a', 2)]);
    await hold.reached;
    expect(await bank.balance('a')).toBe(1);
    hold.go();
    await preparing;
    expect(await bank.balance('a')).toBe(1);
  });

  it('asks about all intents of many rows in one question', async () => {
    const one = await bank.prepared([put('a', 1), put('b', 1)]);
    const other = await bank.prepared([put('c', 1)]);
    await readKeys(bank.context(bank.now), ACCOUNT, [['a'], ['b'], ['c'], ['d']]);
    expect(bank.coordinator.asked).toEqual([[one, other]]);
  });

  it('S7: refuses a snapshot of which versions were collected, rather than to answer wrongly', async () => {
    const old = await bank.write(put('a', 1));
    const recent = await bank.write(put('a', 2));
    await collect(bank.connection, PARTICIPANT, TABLES, recent, 100);
    expect(await bank.balance('a', recent)).toBe(2);
    await expect(bank.balance('a', old)).rejects.toMatchObject({ code: 'snapshot-too-old' });
    await expect(bank.balance('nobody', old)).rejects.toMatchObject({ code: 'snapshot-too-old' });
  });

  it('brings back values of every kind as they were written, keys in any form', async () => {
    const row = {
      year: 2001,
      page: '9007199254740993',
      isbn: "it's \\x",
      printed: '2001-02-03',
      extra: { list: [1, null, 'x'], text: 'ä' },
      cover: Buffer.from([0, 255, 10]),
    };
    await bank.write({ table: BOOK, key: [2001, 9007199254740993n], deleted: false, row });
    const read = await readKeys(bank.context(bank.now), BOOK, [['2001', '9007199254740993']]);
    expect(read.get(encodeKey(BOOK, [2001n, 9007199254740993n]))).toEqual(row);
  });
});
