import { randomBytes, randomUUID } from 'node:crypto';
import { createTransport, type Transport } from '@concordat/transport';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { branch, call, oneShot, post, transfer } from './product/api.mjs';
import { quiet } from './product/checks.mjs';
import { eventually, startProduct } from './product/product.mjs';
import { openAccounts } from './product/transfers.mjs';

const TOPICS = [
  'concordat.replies',
  'concordat.events',
  'concordat.commands.accounts-east',
  'concordat.commands.accounts-west',
  'concordat.commands.inventory',
];

describe('bad input', () => {
  let product: Awaited<ReturnType<typeof startProduct>>;
  let accounts: { participant: string; account: string }[];
  let url: string;

  beforeAll(async () => {
    product = await startProduct();
    url = `${product.url}/v1/transactions`;
    accounts = await openAccounts(product.url, 1);
  }, 400_000);

  afterAll(async () => {
    await product?.stop();
  }, 60_000);

  const moveOne = () =>
    oneShot(product.url, transfer({ from: accounts[0], to: accounts[1], amount: 1, reference: randomUUID() }), {
      wait: 'completed',
    });

  const east = (operation: string, input: unknown) => [branch('accounts-east', operation, input)];

  it.each([
    ['an unknown participant', [branch('nobody', 'debit', {})], 422, 'participant-unknown'],
    ['an unknown operation', east('fly', {}), 422, 'operation-unknown'],
    ['an input of wrong types', east('debit', { account: 1, amount: 'x' }), 422, 'input-invalid'],
    ['an amount of zero', east('debit', { account: 'a', amount: 0, reference: 'r' }), 422, 'input-invalid'],
    ['no branches', [], 409, 'transaction-empty'],
    ['branches that are no list', 'all', 400, 'request-invalid'],
    ['a participant name that is a number', [{ participant: 1, operation: 'x', input: {} }], 400, 'request-invalid'],
  ])('refuses %s', async (_, branches, status, code) => {
    const answer = await post(url, { commit: true, branches });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it.each([
    ['malformed JSON', { body: '{"commit":', headers: { 'content-type': 'application/json' } }, 400],
    ['another content type', { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415],
    [
      'a body of 1 MB',
      { body: JSON.stringify({ label: 'x'.repeat(1 << 20) }), headers: { 'content-type': 'application/json' } },
      413,
    ],
    ['an array', { body: '[]', headers: { 'content-type': 'application/json' } }, 400],
    ['an unknown field', { body: '{"comit":true}', headers: { 'content-type': 'application/json' } }, 400],
    [
      'an empty Idempotency-Key',
      { body: '{}', headers: { 'content-type': 'application/json', 'idempotency-key': '' } },
      400,
    ],
  ])('refuses %s', async (_, init, status) => {
    const response = await fetch(url, { method: 'POST', ...init });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  });

  it.each(['nonsense', 'zzzz-1-1', '1-1-1', '..%2f..%2fetc', `${'9'.repeat(300)}`, '%00'])(
    'finds no transaction %s',
    async (id) => {
      const answers = await Promise.all([
        call(`${url}/${id}`),
        post(`${url}/${id}/commit`, {}),
        post(`${url}/${id}/rollback`, {}),
        post(`${url}/${id}/branches`, branch('accounts-east', 'read', { account: 'a' })),
      ]);
      for (const { status } of answers) expect([400, 404]).toContain(status);
    },
  );

  it('tells ids apart of which one is the beginning of the other', async () => {
    const first: string = (await post(url, { timeoutMs: 60_000 })).body.id;
    const ids: string[] = [];
    const follows = (id: string | undefined) => id?.startsWith(first) === true;
    while (!follows(ids.at(-1)) && ids.length < 2000) ids.push((await post(url, { timeoutMs: 60_000 })).body.id);
    expect(follows(ids.at(-1))).toBe(true);
    expect((await post(`${url}/${first}/rollback`, {})).status).toBe(200);
    expect((await call(`${url}/${ids.at(-1)}`)).body.status).toBe('active');
    await Promise.all(ids.map((id) => post(`${url}/${id}/rollback`, {})));
  });

  it('survives garbage on every topic: dead letters, and work goes on', async () => {
    const run = await product.run();
    const transport: Transport = createTransport({ brokers: [run.kafka.brokers], clientId: 'stranger' });
    await transport.connect();
    const begun = await post(url, {});
    const forged = { v: 1, transactionId: begun.body.id, participant: 'accounts-east' };
    const garbage = [
      '',
      'not json',
      '{"v":1}',
      'null',
      '[]',
      randomBytes(2000).toString('latin1'),
      JSON.stringify({ ...forged, v: 99, type: 'vote' }),
      JSON.stringify({ ...forged, type: 'vote', vote: 'maybe', results: null, reason: null }),
      JSON.stringify({ ...forged, type: 'vote', vote: 'prepared', results: [], reason: null }),
      JSON.stringify({ ...forged, type: 'done', outcome: 'committed', detail: null }),
      JSON.stringify({ ...forged, transactionId: '1-1-1', type: 'commit', horizon: '1-1-1', csn: 7 }),
      JSON.stringify({ ...forged, participant: 'someone-else', type: 'rollback', horizon: '1-1-1', presumed: true }),
      `{"__proto__":{"polluted":true},"v":1,"type":"heartbeat"}`,
      JSON.stringify({
        v: 1,
        type: 'heartbeat',
        participant: 'evil',
        instance: 'i',
        isolation: 'local',
        operations: [{ name: 'x', readOnly: false, inputSchema: { type: 'nonsense' }, resultSchema: {} }],
        preparedCount: 0,
        oldestPreparedMs: null,
        stopping: false,
      }),
    ];
    for (const topic of TOPICS) {
      for (const value of garbage) await transport.send({ topic, key: begun.body.id, value });
    }
    await transport.close();
    for (let i = 0; i < 5; i += 1) expect((await moveOne()).status).toBe(200);
    expect((await call(`${url}/${begun.body.id}`)).body.status).toBe('active');
    await post(`${url}/${begun.body.id}/rollback`, {});
    await quiet(product, 30_000);
    const dead = await eventually(async () => {
      const { body } = await call(`${product.url}/metrics`);
      const count = Number(/^concordat_dead_letters_total(?:\{[^}]*\})? (\d+)$/m.exec(body)?.[1] ?? 0);
      return count > 0 && count;
    }, 'dead letters to be counted');
    expect(dead).toBeGreaterThanOrEqual(8);
  }, 120_000);
});
