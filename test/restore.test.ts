import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres } from '../scripts/lib/postgres.mjs';
import { call } from './product/api.mjs';
import { query, quiet } from './product/checks.mjs';
import { eventually, startProduct } from './product/product.mjs';
import { OPENING_BALANCE, openAccounts, TransferLoops } from './product/transfers.mjs';

type Product = Awaited<ReturnType<typeof startProduct>>;
type Accounts = Awaited<ReturnType<typeof openAccounts>>;

const root = fileURLToPath(new URL('..', import.meta.url));
const CLIENTS = 8;
const TRANSFERS_AFTER_BACKUP = Number(process.env.TRANSFERS_AFTER_BACKUP ?? 300);
/** Of the new cluster; the old one had one. */
const REPLICAS = 3;
const BANKS = ['accounts-east', 'accounts-west'];

/** What the participants hold at the end of the old cluster. */
interface Branches {
  /** Ids of transactions with a committed branch, and of those with a prepared one. */
  readonly committed: Set<string>;
  readonly prepared: Set<string>;
}

describe('a backup that is restored beside participants that went on', () => {
  let directory: string;
  let product: Product;
  let accounts: Accounts;
  let loops: TransferLoops;
  let branches: Branches;
  let isOver = false;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'concordat-restore-'));
    product = await startProduct({ env: { DATA_DIR: join(directory, 'data') } });
    accounts = await openAccounts(product.url, 10);
    // Clients of the old cluster end with it: their keys that the backup does not hold mean nothing to the new one.
    const url = () => {
      if (isOver) throw new Error('the old cluster is over');
      return product.url;
    };
    loops = new TransferLoops(url, accounts, CLIENTS, { timeoutMs: 5_000 });
    await made(50);
  }, 400_000);

  afterAll(async () => {
    await product?.stop();
    await rm(directory, { recursive: true, force: true });
  }, 60_000);

  const concordat = async (...words: string[]) => {
    const env = { ...process.env, DATA_DIR: join(directory, 'data'), NODE_OPTIONS: '' };
    const { stdout } = await promisify(execFile)('npx', ['concordat', ...words, '--json'], { cwd: root, env });
    return JSON.parse(stdout);
  };
  const made = (count: number) => {
    const until = loops.answers.length + count;
    return eventually(async () => loops.answers.length >= until, `${count} transfers`, 120_000);
  };
  const file = () => join(directory, 'state.backup');

  it('is taken while transfers go on', async () => {
    const taken = await concordat('backup', file());
    expect(taken.index).toBeGreaterThan(0);
    await made(TRANSFERS_AFTER_BACKUP);
    expect((await concordat('verify', file())).sha256).toBe(taken.sha256);
  }, 200_000);

  it('becomes the beginning of a new cluster after the old one was killed under load', async () => {
    await killAll(product);
    isOver = true;
    await loops.stop().catch(() => undefined); // those whose calls nobody answers any more
    const postgres = await startPostgres({ directory: join(directory, 'data', 'postgres') });
    try {
      branches = await branchesOf(postgres.url);
      await query(postgres.url, 'ALTER DATABASE concordat_1 RENAME TO concordat_1_lost');
      const place = join(directory, 'data', 'coordinator-1');
      const into = ['restore', file(), '--yes', '--data-dir', place];
      for (let replica = 1; replica <= REPLICAS; replica += 1) {
        into.push('--database-url', await postgres.createDatabase(`concordat_${replica}`));
      }
      await expect(concordat(...into)).rejects.toMatchObject({ code: 5 }); // the old log is still there
      await rename(place, join(directory, 'lost'));
      const restored = await concordat(...into);
      expect(restored.incarnation).toBeGreaterThan(restored.restoredFrom);
    } finally {
      await postgres.stop();
    }
    product = await startProduct({
      args: ['--replicas', String(REPLICAS)],
      env: { DATA_DIR: join(directory, 'data') },
    });
  }, 400_000);

  it('leaves nothing prepared and nothing unfinished once all participants were heard', async () => {
    await quiet(product, 60_000);
  }, 90_000);

  it('ends every transaction as its participants know it, and none mixed', async () => {
    const { coordinators } = await product.run();
    let turn = 0;
    for (const id of [...branches.committed]) {
      turn += 1;
      const { status, body } = await call(`${coordinators[turn % REPLICAS]?.url}/v1/transactions/${id}`);
      // Finished everywhere, and its branch rows were collected (S8) before anybody asked: nothing is left to tell.
      if (status === 410 && !branches.prepared.has(id)) continue;
      expect({ id, status, body }).toMatchObject({
        status: 200,
        body: { status: 'completed', csn: expect.any(Number) },
      });
    }
    const seen = await entriesOf(product, accounts);
    expect(seen.total).toBe(accounts.length * OPENING_BALANCE);
    const halves = [...seen.references].filter(([, count]) => count !== 2);
    expect(halves).toEqual([]);
    // A commit that was answered can be lost only if no participant had carried it out when everything died.
    const lost = loops.answers.filter(
      ({ outcome, reference }) => outcome === 'committed' && !seen.references.has(reference),
    );
    expect(lost.length).toBeLessThanOrEqual(2 * CLIENTS);
    expect(
      loops.answers.filter(({ outcome, reference }) => outcome === 'aborted' && seen.references.has(reference)),
    ).toEqual([]);
  }, 120_000);

  it('goes on from there', async () => {
    const onwards = new TransferLoops(() => product.url, accounts, 2);
    await eventually(async () => onwards.answers.length >= 20, '20 transfers');
    await onwards.stop();
    await quiet(product, 30_000);
    expect((await entriesOf(product, accounts)).total).toBe(accounts.length * OPENING_BALANCE);
  }, 90_000);
});

/** As a power cut takes coordinators and participants: what was in flight stays as it was. */
async function killAll(product: Product): Promise<void> {
  const run = await product.run();
  const pids = [product.pid, ...run.coordinators.map(({ pid }) => pid), ...run.participants.map(({ pid }) => pid)];
  for (const pid of pids) if (pid) process.kill(pid, 'SIGKILL');
}

/**
 * What the participants hold. Rows below their durable horizon count as gone: a participant that is up before the
 * coordinators collects them, and a cluster that was restored from before then knows nothing of them (S8).
 */
async function branchesOf(serverUrl: string): Promise<Branches> {
  const ids: Record<string, string[]> = { prepared: [], committed: [] };
  for (const participant of BANKS) {
    const url = new URL(serverUrl);
    url.pathname = `/${participant.replace('-', '_')}`;
    const rows = await query(
      url.href,
      `SELECT b.state, b.transaction_id AS id FROM concordat_branch b JOIN concordat_participant p USING (participant)
        WHERE (b.incarnation, b.term, b.sequence) >= (p.horizon_incarnation, p.horizon_term, p.horizon_sequence)`,
    );
    for (const { state, id } of rows) ids[state]?.push(id);
  }
  return { committed: new Set(ids.committed), prepared: new Set(ids.prepared) };
}

/** How often each transfer stands in the accounts, and how much money there is. */
async function entriesOf(product: Product, accounts: Accounts) {
  const { participants } = await product.run();
  const references = new Map<string, number>();
  let total = 0;
  for (const { participant, account } of accounts) {
    const url = participants.find(({ name }) => name === participant)?.url;
    const { body } = await call(`${url}/accounts/${account}`);
    total += body.balance;
    for (const reference of body.entries) {
      if (reference) references.set(reference, (references.get(reference) ?? 0) + 1);
    }
  }
  return { references, total };
}
