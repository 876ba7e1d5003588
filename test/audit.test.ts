import { REPLIES_TOPIC } from '@concordat/protocol';
import { createTransport } from '@concordat/transport';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { branch, call, oneShot, post } from './product/api.mjs';
import { quiet } from './product/checks.mjs';
import { eventually, startProduct } from './product/product.mjs';
import { openAccounts } from './product/transfers.mjs';

const TRANSFERS = 20;

describe('an audit of the running product', () => {
  let product: Awaited<ReturnType<typeof startProduct>>;
  let url: string;
  beforeAll(async () => {
    product = await startProduct();
    url = product.url;
  }, 400_000);
  afterAll(async () => {
    expect(await product?.stop()).toBe(0);
  }, 60_000);

  /** Runs one to its end. */
  const audit = async () => {
    const started = await post(`${url}/v1/audits`, { settleMs: 0 });
    expect([started.status, started.body.status]).toEqual([202, 'running']);
    const path = `${url}${started.headers.get('location')}`;
    return eventually(
      async () => {
        const { body } = await call(path);
        return body.status !== 'running' && body;
      },
      'the audit',
      120_000,
    );
  };
  const transactions = async (): Promise<{ id: string; csn: number | null }[]> =>
    (await call(`${url}/v1/transactions?limit=200`)).body.items;

  it('finds every transaction, and none that is mixed', async () => {
    const [from, to] = await openAccounts(url, 1);
    if (!from || !to) throw new Error('no accounts');
    for (let amount = 1; amount <= TRANSFERS; amount += 1) {
      const reference = `audit-${amount}`;
      const branches = [
        branch(from.participant, 'debit', { account: from.account, amount: amount % 5 ? 1 : 1_000_000, reference }),
        branch(to.participant, 'credit', { account: to.account, amount: amount % 5 ? 1 : 1_000_000, reference }),
      ];
      const { status } = await oneShot(url, branches, { wait: 'completed' });
      expect(status).toBe(amount % 5 ? 200 : 409); // every fifth is refused
    }
    await quiet(product, 30_000);
    const known = await transactions();
    const report = await eventually(async () => {
      const one = await audit(); // the last events may still be on their way
      return one.transactions === known.length && one.verdicts.complete === known.length && one;
    }, 'an audit of all');
    expect(report).toMatchObject({ status: 'completed', failure: null, violationsTotal: 0, notCompared: null });
    expect(report).toMatchObject({ compared: known.length, records: { unreadable: 0, unverifiable: 0 } });
    const page = await (await fetch(`${url}/v1/audits/${report.id}/report`)).text();
    expect(page).toContain(`No violation among ${known.length} transactions`);
  }, 240_000);

  it('finds a DONE that a stranger forges', async () => {
    const known = await transactions();
    const victim = known.find(({ csn }) => csn !== null);
    if (!victim) throw new Error('nothing was committed');
    await forge((await product.run()).kafka.brokers, {
      transactionId: victim.id,
      participant: 'inventory',
      outcome: 'rolled-back',
    });
    const report = await audit();
    expect(report).toMatchObject({ violationsTotal: 1, transactions: known.length });
    expect(report.violations[0]).toMatchObject({
      transactionId: victim.id,
      verdict: 'mixed',
      record: { outcome: 'committed', csn: victim.csn },
    });
    expect(report.violations[0].causes).toContain('committed-and-rolled-back');
  }, 120_000);
});

/** Whoever reaches the topic can write this where messages are not signed. */
async function forge(brokers: string, done: object): Promise<void> {
  const transport = createTransport({ brokers: brokers.split(','), clientId: 'stranger' });
  await transport.connect();
  const value = JSON.stringify({ v: 1, type: 'done', detail: null, ...done });
  await transport.send({ topic: REPLIES_TOPIC, key: 'stranger', value });
  await transport.close();
}
