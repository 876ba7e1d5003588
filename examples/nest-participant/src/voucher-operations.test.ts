import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import type { OperationContext } from '@concordat/participant';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { CreateVoucher1735689600001, Voucher } from './voucher.js';
import { VoucherOperations } from './voucher-operations.js';

const schema = `vouchers_${randomUUID().replaceAll('-', '')}`;
const operations = new VoucherOperations();
let database: DataSource;

beforeAll(async () => {
  const entities = [Voucher];
  const migrations = [CreateVoucher1735689600001];
  const extra = { options: `-c search_path=${schema}` };
  database = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, schema, extra, entities, migrations });
  await database.initialize();
  await database.query(`CREATE SCHEMA ${schema}`);
  await database.runMigrations();
});

afterAll(async () => {
  await database.query(`DROP SCHEMA ${schema} CASCADE`);
  await database.destroy();
});

/** As the participant runs an operation: in one REPEATABLE READ transaction of its own. */
const run = <Result>(work: (context: OperationContext) => Promise<Result>): Promise<Result> =>
  database.transaction('REPEATABLE READ', (manager) => work({ manager } as OperationContext));

it('a voucher is redeemed once, however often that order asks', async () => {
  await run((context) => operations.issue({ code: 'A1', cents: 500 }, context));
  const redeem = (order: string) => run((context) => operations.redeem({ code: 'A1', order }, context));
  expect(await redeem('order-1')).toEqual({ code: 'A1', cents: 500 });
  expect(await redeem('order-1')).toEqual({ code: 'A1', cents: 500 });
  await expect(redeem('order-2')).rejects.toMatchObject({ code: 'voucher-spent' });
});

it('one that does not exist is refused', async () => {
  const work = run((context) => operations.redeem({ code: 'B2', order: 'order-1' }, context));
  await expect(work).rejects.toMatchObject({ code: 'voucher-unknown' });
});
