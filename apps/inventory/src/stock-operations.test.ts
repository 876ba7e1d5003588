import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import type { OperationContext } from '@concordat/participant';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { Stock1735689600201 } from './migrations/1-stock.js';
import { ProblemFilter } from './problem.filter.js';
import { StockController } from './stock.controller.js';
import { Stock } from './stock.entity.js';
import { StockOperations } from './stock-operations.js';

const databaseName = `inventory_test_${randomBytes(6).toString('hex')}`;
const operations = new StockOperations();
let server: DataSource;
let dataSource: DataSource;

beforeAll(async () => {
  if (!process.env.DATABASE_URL) throw new Error('set DATABASE_URL to a Postgres superuser, or run npm test');
  server = await new DataSource({ type: 'postgres', url: process.env.DATABASE_URL }).initialize();
  await server.query(`CREATE DATABASE ${databaseName}`);
  const url = new URL(process.env.DATABASE_URL);
  url.pathname = `/${databaseName}`;
  const migrations = [Stock1735689600201];
  dataSource = await new DataSource({ type: 'postgres', url: url.href, entities: [Stock], migrations }).initialize();
  await dataSource.runMigrations();
});

afterAll(async () => {
  await dataSource.destroy();
  await server.query(`DROP DATABASE ${databaseName} WITH (FORCE)`);
  await server.destroy();
});

beforeEach(async () => {
  await dataSource.query('TRUNCATE stock');
});

/** Runs an operation as a branch does, in one repeatable-read transaction. */
const run = (operation: 'stock' | 'reserve' | 'release', sku: string, quantity: number) =>
  dataSource.transaction('REPEATABLE READ', (manager) =>
    operations[operation]({ sku, quantity }, { manager } as OperationContext),
  );
const read = (sku: string) =>
  dataSource.transaction('REPEATABLE READ', (manager) => operations.read({ sku }, { manager } as OperationContext));

describe('the operations on stock', () => {
  it('count what arrives, is reserved and is released', async () => {
    await run('stock', 'bolt', 10);
    expect(await run('stock', 'bolt', 5)).toEqual({ sku: 'bolt', onHand: 15, available: 15, reserved: 0 });
    expect(await run('reserve', 'bolt', 15)).toEqual({ sku: 'bolt', onHand: 15, available: 0, reserved: 15 });
    expect(await run('release', 'bolt', 4)).toEqual({ sku: 'bolt', onHand: 15, available: 4, reserved: 11 });
    expect(await read('bolt')).toEqual({ sku: 'bolt', onHand: 15, available: 4, reserved: 11 });
  });

  it('refuse to reserve more than is available or to release more than is reserved', async () => {
    await run('stock', 'nut', 3);
    await expect(run('reserve', 'nut', 4)).rejects.toMatchObject({ code: 'out-of-stock' });
    await expect(run('release', 'nut', 1)).rejects.toMatchObject({ code: 'not-reserved' });
    expect(await read('nut')).toEqual({ sku: 'nut', onHand: 3, available: 3, reserved: 0 });
  });

  it('refuse what was never stocked, and more than can be counted', async () => {
    for (const work of [run('reserve', 'none', 1), run('release', 'none', 1), read('none')]) {
      await expect(work).rejects.toMatchObject({ code: 'sku-not-found' });
    }
    await run('stock', 'sand', Number.MAX_SAFE_INTEGER);
    await expect(run('stock', 'sand', 1)).rejects.toMatchObject({ code: 'stock-limit' });
  });
});

describe('the view of stock', () => {
  it('shows one sku, or a problem document', async () => {
    const module = await Test.createTestingModule({
      controllers: [StockController],
      providers: [{ provide: DataSource, useValue: dataSource }],
    }).compile();
    const application = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    application.useGlobalFilters(new ProblemFilter());
    await application.init();
    await run('stock', 'gear', 2);
    expect((await application.inject('/stock/gear')).json()).toEqual({
      sku: 'gear',
      onHand: 2,
      available: 2,
      reserved: 0,
    });
    const missing = await application.inject('/stock/none');
    expect([missing.statusCode, missing.headers['content-type']]).toEqual([
      404,
      'application/problem+json; charset=utf-8',
    ]);
    await application.close();
  });
});
