import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { ConcordatClient, TransactionAbortedError } from '@concordat/client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { transfer } from './product/api.mjs';
import { quiet, verifyTransfers } from './product/checks.mjs';
import { eventually, killAndAwait, startProduct } from './product/product.mjs';
import { openAccounts } from './product/transfers.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const CLIENTS = 6;
const REPLICAS = 3;
const ANSWERS_BETWEEN_FAULTS = 20;

type Coordinator = { url: string; pid: number | null };
type Account = { participant: string; account: string };
type Answer = {
  reference: string;
  outcome: 'committed' | 'aborted';
  status: number;
  from: Account;
  to: Account;
  amount: number;
};

describe('callers with @concordat/client', () => {
  let product: Awaited<ReturnType<typeof startProduct>>;
  let accounts: Account[];
  beforeAll(async () => {
    product = await startProduct({ args: ['--replicas', String(REPLICAS)] });
    accounts = await openAccounts(product.url, 4);
  }, 400_000);
  afterAll(async () => {
    expect(await product?.stop()).toBe(0);
  }, 60_000);

  it('run the example of the README', async () => {
    const readme = await readFile(`${root}/libs/client/README.md`, 'utf8');
    const [, code = ''] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: '', CONCORDAT_URL: product.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect([await exited, errors]).toEqual([0, '']);
    expect(output).toContain('east 90, west 10');
    expect(output).toContain('insufficient-funds');
  });

  it('see no call fail through the death of the leader and a restart of all replicas in turn, and no money is lost', async () => {
    const { coordinators } = await product.run();
    const client = new ConcordatClient({ urls: coordinators.map(({ url }: Coordinator) => url), timeoutMs: 60_000 });
    const answers: Answer[] = [];
    let stopping = false;
    const banks = Map.groupBy(accounts, ({ participant }) => participant);
    const pick = <T>(list: readonly T[]) => list[Math.floor(Math.random() * list.length)] as T;

    async function move(): Promise<Answer> {
      const [from, to] = [...banks.values()].sort(() => Math.random() - 0.5).map(pick) as [Account, Account];
      const one = { from, to, amount: 1 + Math.floor(Math.random() * 20), reference: crypto.randomUUID() };
      const branches = transfer(one) as Parameters<typeof client.run>[0]['branches'];
      const inSteps = () =>
        client.transaction({ label: 'in steps' }, async (tx) => {
          for (const { participant, operation, input } of branches) await tx.call(participant, operation, input);
        });
      const atOnce = () => client.run({ branches, label: 'at once' });
      try {
        await (Math.random() < 0.5 ? inSteps : atOnce)();
        return { ...one, outcome: 'committed', status: 200 };
      } catch (error) {
        if (!(error instanceof TransactionAbortedError) || error.retryable) throw error;
        return { ...one, outcome: 'aborted', status: 409 };
      }
    }
    const loop = async () => {
      while (!stopping) answers.push(await move());
    };
    const loops = Array.from({ length: CLIENTS }, loop);
    const failed = Promise.race(loops).then(() => {
      if (!stopping) throw new Error('a loop ended early');
    });
    const more = async () => {
      const enough = answers.length + ANSWERS_BETWEEN_FAULTS;
      await Promise.race([eventually(async () => answers.length >= enough, `${enough} answers`), failed]);
    };

    const restart = async (url: string, signal: 'SIGKILL' | 'SIGTERM') => {
      const pick = ({ coordinators }: { coordinators: Coordinator[] }) =>
        coordinators.find((one) => one.url === url) as Coordinator;
      await Promise.race([killAndAwait(product, pick, signal), failed]);
      await more();
    };

    await more();
    const { leader, members } = await client.cluster();
    const leading = members.find(({ id }) => id === leader)?.url ?? '';
    await restart(leading, 'SIGKILL');
    for (const { url } of coordinators) await restart(url, 'SIGTERM');
    stopping = true;
    await Promise.all(loops);
    await quiet(product, 30_000);
    const result = await verifyTransfers(product, accounts, answers);
    expect(result).toMatchObject({ violations: [] });
    expect(result.committed).toBeGreaterThan(REPLICAS * ANSWERS_BETWEEN_FAULTS);
  }, 300_000);

  it('watch a transaction until it is completed, and find it in the list', async () => {
    const client = new ConcordatClient({ urls: [product.url] });
    const label = crypto.randomUUID();
    const [from] = accounts;
    let id = '';
    const states: string[] = [];
    let watching: Promise<void> | undefined;
    await client.transaction({ label }, async (tx) => {
      id = tx.id;
      watching = (async () => {
        for await (const { status } of client.watch(tx.id)) states.push(status);
      })();
      const read = await tx.call<{ balance: number }>(from?.participant as string, 'read', { account: from?.account });
      expect(read.balance).toBeGreaterThanOrEqual(0);
    });
    await watching;
    expect(states.at(-1)).toBe('completed');
    const found = [];
    for await (const one of client.list({ label, pageSize: 1 })) found.push(one.id);
    expect(found).toEqual([id]);
    const lease = await client.leaseSnapshot(10_000);
    await client.releaseSnapshot(lease.id);
    await expect(client.get('1-1-1')).rejects.toMatchObject({ name: 'ConcordatError' });
  });
});
