import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ACCOUNT, Bank, BOOK, drop, put, TABLES } from '../test/bank.js';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import type { Filter } from './filter.js';
import { scan } from './scan.js';
import { WriteSet } from './write-set.js';

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

const idsOf = async (filter: Filter, snapshot = bank.now, own?: WriteSet, max = 100) =>
  (await scan(bank.context(snapshot), ACCOUNT, filter, max, own)).map(({ id }) => id);

describe('a scan at a snapshot', () => {
  it('S3: finds a row by what it was at the snapshot, and not by what it is', async () => {
    const blue = await bank.write(put('a', 1, 'blue'));
    const red = await bank.write(put('a', 1, 'red'));
    expect(await idsOf({ colour: 'blue' }, blue)).toEqual(['a']);
    expect(await idsOf({ colour: 'red' }, red)).toEqual(['a']);
    expect(await idsOf({ colour: 'red' }, blue)).toEqual([]);
  });

  it('S3: puts the filter to the version it chose, not only to the one that it found the row by', async () => {
    await bank.write(put('a', 1, 'blue'));
    await bank.write(put('a', 1, 'red'));
    expect(await idsOf({ colour: 'blue' })).toEqual([]);
  });

  it('S3: finds rows by an intent that the snapshot shows, and not by one that it does not', async () => {
    await bank.write(put('a', 1, 'red'), put('b', 1, 'blue'));
    const before = bank.now;
    const csn = bank.coordinator.commit(await bank.prepared([put('a', 1, 'blue'), put('b', 1, 'red')]));
    expect(await idsOf({ colour: 'blue' }, csn)).toEqual(['a']);
    expect(await idsOf({ colour: 'blue' }, before)).toEqual(['b']);
  });

  it('S3: puts the filter to what it finds when it reads an unknown intent again', async () => {
    await bank.write(put('a', 1, 'blue'), put('b', 1, 'blue'));
    const writer = await bank.prepared([put('a', 2, 'red'), put('b', 2, 'blue')]);
    const csn = bank.coordinator.commit(writer);
    bank.coordinator.meanwhile = async () => {
      await bank.finalise({ transactionId: writer, csn });
      bank.coordinator.forget(writer);
    };
    expect(await scan(bank.context(csn), ACCOUNT, { colour: 'blue' }, 100)).toEqual([
      { id: 'b', balance: '2', colour: 'blue' },
    ]);
  });

  it('does not find what was deleted', async () => {
    await bank.write(put('a', 1, 'blue'));
    await bank.write(drop('a'));
    expect(await idsOf({})).toEqual([]);
  });

  it('lays the own writes of a session over the snapshot and puts the filter to them', async () => {
    for (const [id, colour] of [
      ['a', 'blue'],
      ['b', 'blue'],
      ['c', 'red'],
    ] as const)
      await bank.write(put(id, 1, colour));
    const own = new WriteSet();
    const none = new Map();
    own.update(ACCOUNT, { id: 'a', balance: '1', colour: 'blue' }, { colour: 'red' }, none);
    own.remove(ACCOUNT, { id: 'b', balance: '1', colour: 'blue' });
    own.update(ACCOUNT, { id: 'c', balance: '1', colour: 'red' }, { colour: 'blue' }, none);
    own.insert(ACCOUNT, { id: 'aa', balance: 10n, colour: 'blue' }, none);
    expect(await idsOf({ colour: 'blue' }, bank.now, own)).toEqual(['aa', 'c']);
    expect(await idsOf({ balance: { gt: 9 } }, bank.now, own)).toEqual(['aa']);
  });

  it('answers in the order of keys, numbers as numbers', async () => {
    for (const page of [10, 9, 100]) {
      await bank.write({ table: BOOK, key: [1, page], deleted: false, row: { year: 1, page } });
    }
    const rows = await scan(bank.context(bank.now), BOOK, { year: 1 }, 10);
    expect(rows.map(({ page }) => page)).toEqual(['9', '10', '100']);
  });

  it.each<[Filter, string[]]>([
    [{ balance: { gt: 1, lte: 3 } }, ['b', 'c']],
    [{ balance: { gte: '3' } }, ['c', 'd']],
    [{ balance: { lt: 2n } }, ['a']],
    [{ balance: { in: [1, 4] } }, ['a', 'd']],
    [{ colour: null }, ['d']],
    [{ colour: 'x', balance: { eq: 2 } }, ['b']],
    [{}, ['a', 'b', 'c', 'd']],
  ])('matches %p', async (filter, ids) => {
    await bank.write(put('a', 1, 'x'), put('b', 2, 'x'), put('c', 3, 'x'), put('d', 4, null));
    expect(await idsOf(filter)).toEqual(ids);
  });

  it.each<Filter>([{ nothing: 1 }, { colour: undefined }, { balance: { like: 1 } } as Filter])(
    'refuses %p instead of matching everything',
    async (filter) => {
      await expect(idsOf(filter)).rejects.toThrow(TypeError);
    },
  );

  it('refuses to look at more candidates than it may', async () => {
    await bank.write(put('a', 1, 'x'), put('b', 2, 'x'));
    expect(await idsOf({ colour: 'x' }, bank.now, undefined, 2)).toEqual(['a', 'b']);
    await expect(idsOf({ colour: 'x' }, bank.now, undefined, 1)).rejects.toMatchObject({ candidatesMax: 1 });
  });
});
