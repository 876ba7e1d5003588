import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { branch, call, oneShot } from './product/api.mjs';
import { query } from './product/checks.mjs';
import { eventually, startProduct } from './product/product.mjs';

const KEPT_MS = 2_000;
const TRANSACTIONS = 40;

describe('what is finished goes away', () => {
  let product: Awaited<ReturnType<typeof startProduct>>;

  beforeAll(async () => {
    product = await startProduct({ env: { RETENTION_MS: String(KEPT_MS), IDEMPOTENCY_KEY_MS: String(KEPT_MS) } });
  }, 400_000);

  afterAll(async () => {
    expect(await product?.stop()).toBe(0);
  }, 60_000);

  it('transactions and keys after their time, branch rows once they are of no use', async () => {
    const { url } = product;
    const key = randomUUID();
    const work = [branch('inventory', 'stock', { sku: 'kept-a-while', quantity: 1 })];
    const first = await oneShot(url, work, { wait: 'completed' }, { 'idempotency-key': key });
    expect(first.status).toBe(200);
    const repeated = await oneShot(url, work, { wait: 'completed' }, { 'idempotency-key': key });
    expect(repeated.body.id).toBe(first.body.id);
    for (let i = 1; i < TRANSACTIONS; i += 1) {
      expect((await oneShot(url, work, { wait: 'completed' })).status).toBe(200);
    }

    const run = await product.run();
    const count = async (databaseUrl: string, table: string) =>
      Number((await query(databaseUrl, `SELECT count(*) AS n FROM ${table}`))[0].n);
    const [coordinator] = run.coordinators;
    const inventory = run.participants.find(({ name }: { name: string }) => name === 'inventory');
    await eventually(
      async () =>
        (await count(String(coordinator?.databaseUrl), 'transaction')) === 0 &&
        (await count(String(coordinator?.databaseUrl), 'idempotency_key')) === 0,
      'pruned tables',
    );
    // The horizon moves past a transaction with the commands of a later one, so the last of them may stay.
    await oneShot(url, work, { wait: 'completed' });
    await eventually(
      async () => (await count(String(inventory?.databaseUrl), 'concordat_branch')) <= 1,
      'collected branch rows',
    );
    expect((await call(`${url}/v1/transactions/${first.body.id}`)).status).toBe(410);
  }, 120_000);
});
