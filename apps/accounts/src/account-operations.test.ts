import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import type { OperationContext } from '@concordat/participant';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { Account, AccountEntry } from './account.entity.js';
import { AccountOperations } from './account-operations.js';
import { movementInput, openInput } from './account-schemas.js';
import { AccountsController } from './accounts.controller.js';
import { Accounts1735689600101 } from './migrations/1-accounts.js';
import { ProblemFilter } from './problem.filter.js';

const databaseName = `accounts_test_${randomBytes(6).toString('hex')}`;
const operations = new AccountOperations();
let server: DataSource;
let dataSource: DataSource;
let application: NestFastifyApplication;

beforeAll(async () => {
  if (!process.env.DATABASE_URL) throw new Error('set DATABASE_URL to a Postgres superuser, or run npm test');
  server = await new DataSource({ type: 'postgres', url: process.env.DATABASE_URL }).initialize();
  await server.query(`CREATE DATABASE ${databaseName}`);
  const url = new URL(process.env.DATABASE_URL);
  url.pathname = `/${databaseName}`;
  dataSource = await new DataSource({
    type: 'postgres',
    url: url.href,
    entities: [Account, AccountEntry],
    migrations: [Accounts1735689600101],
    migrationsRun: true,
  }).initialize();
  const module = await Test.createTestingModule({
    controllers: [AccountsController],
    providers: [{ provide: DataSource, useValue: dataSource }],
  }).compile();
  application = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
  application.useGlobalFilters(new ProblemFilter());
  await application.init();
});

afterAll(async () => {
  await application.close();
  if (dataSource.isInitialized) await dataSource.destroy();
  await server.query(`DROP DATABASE ${databaseName} WITH (FORCE)`);
  await server.destroy();
});

beforeEach(async () => {
  await dataSource.query('TRUNCATE account, account_entry');
});

/** Runs work as a branch does, in one repeatable-read transaction. */
const within = <T>(work: (context: OperationContext) => Promise<T>): Promise<T> =>
  dataSource.transaction('REPEATABLE READ', (manager) => work({ manager } as OperationContext));

const open = (account: string, balance: number) => within((context) => operations.open({ account, balance }, context));
const read = (account: string) => within((context) => operations.read({ account }, context));
const move = (kind: 'credit' | 'debit', account: string, amount: number, reference = 'r') =>
  within((context) => operations[kind]({ account, amount, reference }, context));

describe('the operations on accounts', () => {
  it('move the balance and list the references in order', async () => {
    await open('alice', 100);
    expect(await move('credit', 'alice', 50, 'salary')).toEqual({ account: 'alice', balance: 150 });
    expect(await move('debit', 'alice', 150, 'rent')).toEqual({ account: 'alice', balance: 0 });
    expect(await read('alice')).toEqual({ account: 'alice', balance: 0, entries: ['salary', 'rent'] });
  });

  it('refuse an overdraft and change nothing', async () => {
    await open('bob', 10);
    await expect(move('debit', 'bob', 11)).rejects.toMatchObject({ code: 'insufficient-funds', retryable: false });
    expect(await read('bob')).toEqual({ account: 'bob', balance: 10, entries: [] });
  });

  it('refuse accounts that are missing, there already, or too full', async () => {
    for (const work of [move('debit', 'nobody', 1), move('credit', 'nobody', 1), read('nobody')]) {
      await expect(work).rejects.toMatchObject({ code: 'account-not-found' });
    }
    await open('full', Number.MAX_SAFE_INTEGER);
    await expect(open('full', 1)).rejects.toMatchObject({ code: 'account-exists' });
    await expect(move('credit', 'full', 1)).rejects.toMatchObject({ code: 'balance-limit' });
  });

  it('take whole positive amounts only', () => {
    const movement = { account: 'a', amount: 1, reference: 'r' };
    expect(movementInput.safeParse(movement).success).toBe(true);
    for (const amount of [0, -1, 0.5, '1', Number.MAX_SAFE_INTEGER + 1, Number.NaN]) {
      expect(movementInput.safeParse({ ...movement, amount }).success).toBe(false);
    }
    for (const account of ['', 'a\u0000b', 'x'.repeat(201)]) {
      expect(openInput.safeParse({ account, balance: 0 }).success).toBe(false);
    }
  });
});

describe('the view of accounts', () => {
  it('shows one account, and all with their total', async () => {
    await open('a/b c', 7);
    await open('z', 3);
    const one = await application.inject(`/accounts/${encodeURIComponent('a/b c')}`);
    expect(one.json()).toEqual({ account: 'a/b c', balance: 7, entries: [] });
    const all = await application.inject('/accounts');
    expect(all.json()).toMatchObject({
      count: 2,
      total: 10,
      accounts: [{ account: 'a/b c' }, { account: 'z', balance: 3 }],
    });
  });

  it.each(['/accounts/nobody', '/accounts/%00', '/nowhere'])('answers %s with a problem document', async (url) => {
    const answer = await application.inject(url);
    expect(answer.statusCode).toBe(404);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({ status: 404, title: 'Not Found', detail: expect.any(String) });
  });

  it('answers 503 while Postgres is away', async () => {
    const module = await Test.createTestingModule({
      controllers: [AccountsController],
      providers: [
        { provide: DataSource, useValue: new DataSource({ type: 'postgres', url: 'postgres://127.0.0.1:1/x' }) },
      ],
    }).compile();
    const unconnected = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    unconnected.useGlobalFilters(new ProblemFilter());
    await unconnected.init();
    const answer = await unconnected.inject('/accounts/alice');
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1']);
    await unconnected.close();
  });
});
