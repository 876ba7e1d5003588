import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestBank } from '../test/test-bank.js';
import { movementInput, openInput, postInput } from './account-schemas.js';

let bank: TestBank;

beforeAll(async () => {
  bank = await TestBank.start();
});
afterAll(() => bank.stop());

const get = async (url: string) => {
  const answer = await bank.application.inject(url);
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
};

describe('the view of accounts before the participant has started', () => {
  it('answers 503', async () => {
    const { status, headers, body } = await get('/accounts/alice');
    expect([status, headers['retry-after'], body.code]).toEqual([503, '1', 'snapshot-unavailable']);
    await bank.open();
  });
});

const open = (account: string, balance: number) => bank.run('open', { account, balance });
const read = (account: string) => bank.run('read', { account });
const move = (kind: 'credit' | 'debit', account: string, amount: number, reference = 'r') =>
  bank.run(kind, { account, amount, reference });

describe('the operations on accounts', () => {
  it('move the balance and list the references in order', async () => {
    await open('alice', 100);
    expect(await move('credit', 'alice', 50, 'salary')).toEqual({ account: 'alice', balance: 150 });
    expect(await move('debit', 'alice', 150, 'rent')).toEqual({ account: 'alice', balance: 0 });
    expect(await bank.run('append', { account: 'alice', reference: 'note' })).toEqual({ account: 'alice', entries: 3 });
    for (let turn = 4; turn <= 11; turn += 1) await bank.run('append', { account: 'alice', reference: `${turn}` });
    const entries = ['salary', 'rent', 'note', '4', '5', '6', '7', '8', '9', '10', '11'];
    expect(await read('alice')).toEqual({ account: 'alice', balance: 0, entries });
  });

  it('refuse an overdraft and change nothing', async () => {
    await open('bob', 10);
    await expect(move('debit', 'bob', 11)).rejects.toMatchObject({ code: 'insufficient-funds', retryable: false });
    expect(await read('bob')).toEqual({ account: 'bob', balance: 10, entries: [] });
  });

  it('refuse accounts that are missing, there already, or too full', async () => {
    const missing = [() => move('debit', 'nobody', 1), () => move('credit', 'nobody', 1), () => read('nobody')];
    missing.push(() => bank.run('append', { account: 'nobody', reference: 'r' }));
    for (const work of missing) await expect(work()).rejects.toMatchObject({ code: 'account-not-found' });
    await open('full', Number.MAX_SAFE_INTEGER);
    await expect(open('full', 1)).rejects.toMatchObject({ code: 'account-exists' });
    await expect(move('credit', 'full', 1)).rejects.toMatchObject({ code: 'balance-limit' });
  });

  it('are posted together, each after the one before, all or none', async () => {
    const movement = { account: 'carol', amount: 5, reference: 'x' };
    const posted = await bank.run('post', {
      operations: [
        { operation: 'open', input: { account: 'carol', balance: 7 } },
        { operation: 'debit', input: movement },
        { operation: 'append', input: { account: 'carol', reference: 'y' } },
        { operation: 'read', input: { account: 'carol' } },
      ],
    });
    expect(posted).toEqual({
      results: [
        { account: 'carol', balance: 7 },
        { account: 'carol', balance: 2 },
        { account: 'carol', entries: 2 },
        { account: 'carol', balance: 2, entries: ['x', 'y'] },
      ],
    });
    const tooMuch = [1, 2].map(() => ({ operation: 'debit', input: { ...movement, amount: 2 } }));
    await expect(bank.run('post', { operations: tooMuch })).rejects.toMatchObject({ code: 'insufficient-funds' });
    expect(await read('carol')).toMatchObject({ balance: 2 });
  });

  it('take whole positive amounts, and a bounded number of operations', () => {
    const movement = { account: 'a', amount: 1, reference: 'r' };
    expect(movementInput.safeParse(movement).success).toBe(true);
    for (const amount of [0, -1, 0.5, '1', Number.MAX_SAFE_INTEGER + 1, Number.NaN]) {
      expect(movementInput.safeParse({ ...movement, amount }).success).toBe(false);
    }
    for (const account of ['', 'a\u0000b', 'x'.repeat(201)]) {
      expect(openInput.safeParse({ account, balance: 0 }).success).toBe(false);
    }
    const call = { operation: 'read', input: { account: 'a' } };
    const posted = (count: number) => postInput.safeParse({ operations: new Array(count).fill(call) }).success;
    expect([posted(0), posted(1), posted(100), posted(101)]).toEqual([false, true, true, false]);
    const nested = { operations: [{ operation: 'post', input: { operations: [call] } }] };
    expect(postInput.safeParse(nested).success).toBe(false);
  });
});

describe('the view of accounts', () => {
  it('shows one account, and all with their total, at the snapshot that it names', async () => {
    await open('a/b c', 7);
    const path = `/accounts/${encodeURIComponent('a/b c')}`;
    const { body: before } = await get(path);
    expect(before).toEqual({ snapshot: bank.coordinator.appliedCsn, account: 'a/b c', balance: 7, entries: [] });
    const { body: all } = await get('/accounts');
    await move('credit', 'a/b c', 3);
    expect((await get(path)).body).toMatchObject({ balance: 10, entries: ['r'] });
    expect((await get(`${path}?snapshot=${before.snapshot}`)).body).toEqual(before);
    expect((await get(`/accounts?snapshot=${before.snapshot}`)).body).toEqual(all);
    expect(all.accounts[0]).toEqual({ account: 'a/b c', balance: 7 });
    expect(all.total).toBe(all.accounts.reduce((sum: number, { balance }: { balance: number }) => sum + balance, 0));
    expect(all.count).toBe(all.accounts.length);
    expect((await get('/accounts')).body.total).toBe(all.total + 3);
  });

  it.each([
    ['/accounts/nobody', 404],
    ['/accounts/%00', 404],
    ['/nowhere', 404],
    ['/accounts?snapshot=x', 400],
    ['/accounts/alice?snapshot=-1', 400],
    ['/accounts/alice?snapshot=', 400],
    [`/accounts/alice?snapshot=${Number.MAX_SAFE_INTEGER}`, 503],
  ])('answers %s with a problem document', async (url, status) => {
    const answer = await get(url);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
  });

  it('answers 503 while no coordinator can be asked for the latest, and goes on reading at what it knows', async () => {
    const { snapshot } = (await get('/accounts')).body;
    bank.coordinator.isAway = true;
    const answer = await get('/accounts/alice');
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    expect((await get(`/accounts/alice?snapshot=${snapshot}`)).status).toBe(200);
    bank.coordinator.isAway = false;
  });
});
