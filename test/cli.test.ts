import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { branch, oneShot, post, transfer } from './product/api.mjs';
import { startProduct } from './product/product.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const BIN = 'node_modules/.bin/concordat'; // what npx runs
const COMMAND_TIMEOUT_MS = 120_000;

describe('npx concordat', () => {
  let product: Awaited<ReturnType<typeof startProduct>>;
  let id: string;
  const from = { participant: 'accounts-east', account: `cli-${randomUUID()}` };
  const to = { participant: 'accounts-west', account: `cli-${randomUUID()}` };
  const move = () => transfer({ from, to, amount: 1, reference: randomUUID() });

  beforeAll(async () => {
    product = await startProduct();
    for (const { participant, account } of [from, to]) {
      await oneShot(product.url, [branch(participant, 'open', { account, balance: 100 })], { wait: 'completed' });
    }
    id = (await oneShot(product.url, move(), { label: 'by hand', wait: 'completed' })).body.id;
  }, 400_000);

  afterAll(async () => {
    expect(await product?.stop()).toBe(0);
  }, 60_000);

  /** It finds the coordinators by what runs in DATA_DIR. */
  const concordat = (...words: string[]): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const env = { ...process.env, DATA_DIR: product.dataDirectory, NODE_OPTIONS: '' };
      const options = { cwd: root, env, timeout: COMMAND_TIMEOUT_MS };
      execFile(process.execPath, [BIN, ...words, '--timeout', '60'], options, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
      );
    });
  const json = async (...words: string[]) => {
    const { code, out, err } = await concordat(...words, '--json');
    expect({ words, code, err }).toMatchObject({ words, code: 0 });
    return JSON.parse(out);
  };

  it('shows how it stands', async () => {
    expect(await json('status')).toMatchObject({ members: 1, inDoubt: 0, replicas: [{ state: 'ready' }] });
    const { participants } = await json('status');
    expect(participants.down).toBe(0);
    expect((await json('participants')).items.map(({ name }: { name: string }) => name)).toContain('accounts-east');
    expect(await json('cluster', 'members')).toMatchObject({ members: [{ role: 'leader' }] });
    expect(await json('in-doubt')).toMatchObject({ items: [], total: 0 });
    const { out } = await concordat('participants');
    expect(out).toMatch(/^PARTICIPANT +HEALTH [\s\S]*accounts-west +(up|unknown) /);
  }, 400_000);

  it('lists, shows, watches, commits and rolls back transactions', async () => {
    const { items } = await json('transactions', 'list', '--label', 'by hand');
    expect(items).toMatchObject([{ id, status: 'completed' }]);
    expect((await concordat('transactions', 'show', id)).out).toMatch(/outcome +committed[\s\S]*STEP[\s\S]*completed/);
    expect(await json('transactions', 'watch', id)).toMatchObject({ id, status: 'completed' });
    const begin = async () =>
      (await post(`${product.url}/v1/transactions`, { timeoutMs: 600_000, branches: move() })).body.id;
    const [first, second] = [await begin(), await begin()];
    expect(await json('transactions', 'commit', first, '--wait', 'completed')).toMatchObject({ status: 'completed' });
    expect((await json('transactions', 'rollback', second)).outcomeReason).not.toBeNull();
    const refused = await concordat('transactions', 'commit', second);
    expect(refused).toMatchObject({ code: 5, err: expect.stringContaining('transaction-aborted') });
    expect(await concordat('transactions', 'show', 'none')).toMatchObject({ code: 5 });
  }, 400_000);

  it('lists the locks that are held', async () => {
    await post(`${product.url}/v1/locks/cli:1/acquire`, { owner: 'a test', ttlMs: 600_000 });
    expect(await json('locks', '--prefix', 'cli:')).toMatchObject({ items: [{ name: 'cli:1' }] });
    expect((await concordat('locks', 'cli:1')).out).toMatch(/cli:1 +exclusive +a test/);
  }, 400_000);

  it('makes a load, and audits what came of it', async () => {
    const bench = await json('bench', '--seconds', '1', '--clients', '4');
    expect(bench.committed).toBeGreaterThan(0);
    expect(bench.latencyMs.p99).toBeGreaterThanOrEqual(bench.latencyMs.p50);
    const audit = await json('audit');
    expect(audit).toMatchObject({ status: 'completed', violationsTotal: 0 });
    expect(audit.transactions).toBeGreaterThanOrEqual(bench.committed);
    expect((await concordat('audit', 'list')).out).toContain(audit.id);
  }, 400_000);
});
