import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ACCOUNT, Bank, put, TABLES } from '../test/bank.js';
import { createTestDatabase, type TestDatabase } from '../test/test-database.js';
import { SHARED_STATEMENTS, tableStatements } from './schema.js';

let database: TestDatabase;
let bank: Bank;

beforeAll(async () => {
  database = await createTestDatabase(TABLES);
  bank = new Bank(database, await database.connect());
});
afterAll(() => database.drop());

describe('the tables of versions', () => {
  it.each([
    "INSERT INTO account_version (id, balance, transaction_id, csn, deleted) VALUES ('a', 1, 'x', 1, false)",
    'UPDATE account_version SET balance = 0',
    'DELETE FROM account_version',
    'TRUNCATE account_version',
    'DELETE FROM concordat_unique_version',
  ])('refuse a write that bypasses the rules: %s', async (statement) => {
    await expect(database.rows(statement)).rejects.toMatchObject({ code: '42501' });
  });

  it('keep the permission to write to one database transaction', async () => {
    await bank.write(put('a', 1));
    await expect(bank.connection.query('DELETE FROM account_version')).rejects.toMatchObject({ code: '42501' });
  });

  it('can be made again over what is there, and take up a new column', async () => {
    await bank.write(put('grown', 1));
    const limit = { name: 'limit', type: 'bigint', nullable: false, default: '100' };
    const grown = { ...ACCOUNT, columns: [...ACCOUNT.columns, limit], indexes: [...ACCOUNT.indexes, ['limit']] };
    for (const statement of [...SHARED_STATEMENTS, ...tableStatements(ACCOUNT), ...tableStatements(grown)]) {
      await database.rows(statement);
    }
    expect(await database.rows(`SELECT "limit" FROM account_version WHERE id = 'grown'`)).toEqual([{ limit: '100' }]);
  });

  it.each([
    ['a column of a version', { columns: [...ACCOUNT.columns, { name: 'csn', type: 'bigint', nullable: true }] }],
    ['no key', { key: [] }],
    ['a key without a column', { key: ['nobody'] }],
    [
      'a key of a type that has several texts for one value',
      { columns: [{ name: 'id', type: 'numeric', nullable: false }] },
    ],
    ['an index on a column that is not there', { indexes: [['nothing']] }],
    ['a name that Postgres would cut off', { table: 'a'.repeat(60) }],
  ])('are refused with %s', (_what, change) => {
    expect(() => tableStatements({ ...ACCOUNT, ...change })).toThrow(TypeError);
  });
});
