import { describe, expect, it } from '@jest/globals';
import { ACCOUNT, BOOK } from '../test/bank.js';
import { UNIQUE_TABLE } from './schema.js';
import { encodeKey, type Row } from './table.js';
import { UniqueViolation, WriteSet } from './write-set.js';

const NONE = new Map<string, Row>();
const account = { id: 'a', balance: '1', colour: null };
const book = (page: number, isbn: string | null): Row => ({
  year: 1,
  page,
  isbn,
  printed: null,
  extra: null,
  cover: null,
});
const ownedBy = (page: number, isbn: string) => {
  const key = ['book', 'book_isbn', JSON.stringify([isbn])];
  return new Map([[encodeKey(UNIQUE_TABLE, key), { owner: encodeKey(BOOK, [1, page]) }]]);
};
const uniqueWrites = (writes: WriteSet) =>
  writes.writesTo(UNIQUE_TABLE).map(({ key, deleted, row }) => [key[2], deleted ? 'free' : row?.owner]);

describe('the writes of a session', () => {
  it('are laid over what the snapshot shows', () => {
    const writes = new WriteSet();
    expect(writes.overlay(ACCOUNT, ['a'], account)).toBe(account);
    const changed = writes.update(ACCOUNT, account, { balance: 2 }, NONE);
    expect(changed).toEqual({ id: 'a', balance: 2, colour: null });
    expect(writes.overlay(ACCOUNT, ['a'], account)).toBe(changed);
    writes.remove(ACCOUNT, changed);
    expect(writes.overlay(ACCOUNT, ['a'], account)).toBeUndefined();
    writes.insert(ACCOUNT, { id: 'a', balance: 3 }, NONE);
    expect(writes.toWrites()).toEqual([
      { table: ACCOUNT, key: ['a'], deleted: false, row: { id: 'a', balance: 3, colour: null } },
    ]);
  });

  it('name the same row by any form of its key', () => {
    const writes = new WriteSet();
    writes.insert(BOOK, book(5, null), NONE);
    writes.remove(BOOK, book(5, null));
    expect(writes.overlay(BOOK, ['1', 5n], undefined)).toBeUndefined();
    expect([writes.toWrites().length, writes.isEmpty, new WriteSet().isEmpty]).toEqual([1, false, true]);
  });

  it('refuse unknown columns, nulls that are not allowed, and another key', () => {
    const writes = new WriteSet();
    expect(() => writes.insert(ACCOUNT, { ...account, what: 1 }, NONE)).toThrow('no column what');
    expect(() => writes.insert(ACCOUNT, { id: 'a' }, NONE)).toThrow('balance of account cannot be null');
    expect(() => writes.update(ACCOUNT, account, { id: 'b' }, NONE)).toThrow('cannot be changed');
  });

  it('S3: take, move and free a unique value as a row of its own', () => {
    const writes = new WriteSet();
    const row = writes.insert(BOOK, book(1, 'x'), NONE);
    expect(uniqueWrites(writes)).toEqual([['["x"]', '["1","1"]']]);
    const moved = writes.update(BOOK, row, { isbn: 'y' }, NONE);
    expect(uniqueWrites(writes)).toEqual([
      ['["x"]', 'free'],
      ['["y"]', '["1","1"]'],
    ]);
    writes.remove(BOOK, moved);
    expect(uniqueWrites(writes)).toEqual([
      ['["x"]', 'free'],
      ['["y"]', 'free'],
    ]);
  });

  it('S3: refuse a value that another row has, in the snapshot or in the same session', () => {
    const writes = new WriteSet();
    expect(() => writes.insert(BOOK, book(1, 'x'), ownedBy(2, 'x'))).toThrow(UniqueViolation);
    writes.insert(BOOK, book(1, 'y'), NONE);
    expect(() => writes.insert(BOOK, book(2, 'y'), NONE)).toThrow(UniqueViolation);
  });

  it('S3: let a row keep its value, and another take what was freed', () => {
    const writes = new WriteSet();
    const owners = ownedBy(1, 'x');
    const row = writes.update(BOOK, book(1, 'x'), { printed: '2000-01-01' }, owners);
    expect(uniqueWrites(writes)).toEqual([]);
    expect(writes.uniqueKeys(BOOK, book(2, 'x'))).toEqual([['book', 'book_isbn', '["x"]']]);
    writes.remove(BOOK, row);
    writes.insert(BOOK, book(2, 'x'), owners);
    expect(uniqueWrites(writes)).toEqual([['["x"]', '["1","2"]']]);
  });

  it('leave rows without the value unbound', () => {
    const writes = new WriteSet();
    writes.insert(BOOK, book(1, null), NONE);
    writes.insert(BOOK, book(2, null), NONE);
    expect(uniqueWrites(writes)).toEqual([]);
  });
});

describe('the canonical text of a key', () => {
  it('is the same for the same row and another for another', () => {
    expect(encodeKey(BOOK, [1, 5n])).toBe(encodeKey(BOOK, ['01', '5']));
    const shelf = { ...ACCOUNT, key: ['id', 'colour'] };
    const texts = [
      ['a', 'b,c'],
      ['a,b', 'c'],
      ['a"', 'b'],
      ['', 'ab'],
      ['ab', ''],
    ].map((key) => encodeKey(shelf, key));
    expect(new Set(texts).size).toBe(texts.length);
  });

  it.each([[[1.5, 1]], [[1]], [['x', 1]], [[null, 1]]])('refuses %j, which is no key', (key) => {
    expect(() => encodeKey(BOOK, key)).toThrow(TypeError);
  });
});
