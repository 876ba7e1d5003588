import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Bank, mark, put, TABLES } from '../test/bank.js';
import { type Connection, createTestDatabase, type TestDatabase } from '../test/test-database.js';

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

const serializable = true;
const marksLeft = async () => (await database.rows('SELECT FROM concordat_read_mark')).length;

describe('a serializable transaction', () => {
  it('S6: is refused by the mark of another on what it writes, until that one is decided', async () => {
    const reader = await bank.prepared([put('b', 1)], { serializable, marks: [mark('a')] });
    const writer = { serializable, marks: [mark('b')] };
    expect(await bank.prepare([put('a', 1)], writer)).toEqual({ kind: 'conflict', transactionIds: [reader] });
    await bank.finalise({ transactionId: reader, csn: null });
    expect(await bank.prepare([put('a', 1)], writer)).toEqual({ kind: 'prepared' });
  });

  it('S6: is refused by the intent of another on what it has read', async () => {
    const writer = await bank.prepared([put('a', 1)]);
    const result = await bank.prepare([put('b', 1)], { serializable, marks: [mark('a')] });
    expect(result).toEqual({ kind: 'conflict', transactionIds: [writer] });
  });

  it('S6: leaves marks on a branch that only reads, until the decision', async () => {
    const reader = await bank.prepared([], { serializable, marks: [mark('a'), mark(null)] });
    expect(await bank.prepare([put('a', 1)], { serializable })).toEqual({ kind: 'conflict', transactionIds: [reader] });
    expect(await marksLeft()).toBe(2);
    await bank.finalise({ transactionId: reader, csn: 20 });
    expect(await marksLeft()).toBe(0);
    expect(await bank.prepare([put('a', 1)], { serializable })).toEqual({ kind: 'prepared' });
  });

  it('S6: whose marks are refused leaves none', async () => {
    await bank.prepared([put('b', 1)]);
    await bank.prepare([put('b', 2)], { serializable, marks: [mark('a')] });
    expect(await marksLeft()).toBe(0);
  });

  it('S6: is overwritten where what it has read has a version above its snapshot', async () => {
    const snapshot = bank.now;
    await bank.write(put('a', 1));
    const result = await bank.prepare([put('b', 1)], { serializable, snapshot, marks: [mark('a')] });
    expect(result).toEqual({ kind: 'overwritten' });
    expect(await bank.prepare([put('b', 1)], { serializable, marks: [mark('a')] })).toEqual({ kind: 'prepared' });
  });

  it('S6: that has scanned is overwritten by any version above its snapshot', async () => {
    const snapshot = bank.now;
    await bank.write(put('phantom', 1));
    expect(await bank.prepare([], { serializable, snapshot, marks: [mark(null)] })).toEqual({ kind: 'overwritten' });
  });

  it('S6: that has scanned is refused by any intent, and refuses any', async () => {
    const writer = await bank.prepared([put('phantom', 1)]);
    const scanned = { serializable, marks: [mark(null)] };
    expect(await bank.prepare([], scanned)).toEqual({ kind: 'conflict', transactionIds: [writer] });
    await bank.commit(writer);
    const scanner = await bank.prepared([], scanned);
    expect(await bank.prepare([put('b', 1)], { serializable })).toEqual({
      kind: 'conflict',
      transactionIds: [scanner],
    });
  });

  it('is not in its own way, and readers are not in the way of readers', async () => {
    const reads = { serializable, marks: [mark('a'), mark('x'), mark(null)] };
    expect(await bank.prepare([put('a', 1)], reads)).toEqual({ kind: 'prepared' });
    await database.clear();
    expect(await bank.prepare([], reads)).toEqual({ kind: 'prepared' });
    expect(await bank.prepare([], reads)).toEqual({ kind: 'prepared' });
  });

  it('is bound by nothing that a transaction of the other kind reads: those pay nothing', async () => {
    await bank.prepared([], { serializable, marks: [mark('a')] });
    expect(await bank.prepare([put('a', 1)])).toEqual({ kind: 'prepared' });
  });

  it.each([
    ['rows', mark('a'), mark('b')],
    ['whole tables', mark(null), mark(null)],
  ])('S6: and another that place marks on %s at the same moment see each other', async (_what, one, two) => {
    const hold = bank.connection.holdBefore('COMMIT');
    const first = bank.prepare([put('b', 1)], { serializable, marks: [one] });
    await hold.reached;
    const second = bank.prepare([put('a', 1)], { on: other, serializable, marks: [two] });
    await Promise.race([second, database.untilWaiting(1)]);
    hold.go();
    expect([(await first).kind, (await second).kind]).toEqual(['prepared', 'conflict']);
  });

  it('S6: takes its locks in one order: two do not wait for each other', async () => {
    const lock = (key: string) => `hashtextextended('concordat account ["${key}"]', 0)`;
    await third.query(`SELECT pg_advisory_lock(${lock('a')}), pg_advisory_lock(${lock('b')})`);
    const first = bank.prepare([put('b', 1)], { serializable, marks: [mark('a')] });
    await database.untilWaiting(1);
    const second = bank.prepare([put('a', 1)], { on: other, serializable, marks: [mark('b')] });
    await database.untilWaiting(2);
    await third.query('SELECT pg_advisory_unlock_all()');
    expect((await Promise.all([first, second])).map(({ kind }) => kind).sort()).toEqual(['conflict', 'prepared']);
  });
});
