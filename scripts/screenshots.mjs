// npm run screenshots: pictures of every page of the console with live data, into docs/screenshots. Look at them.
//   npm run screenshots -- --all DIRECTORY   every page light and dark, wide and narrow, whole, to be looked at and not kept
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { sayError } from './lib/say-error.mjs';
import { ensureReady, root } from './lib/setup.mjs';

await ensureReady();
const { branch, call, oneShot, post, transfer } = await import('../test/product/api.mjs');
const { mortalBank } = await import('../test/product/mortal.mjs');
const { eventually, startProduct } = await import('../test/product/product.mjs');
const { launchBrowser } = await import('./lib/browser.mjs');

const { all } = parseArgs({ options: { all: { type: 'string' } } }).values;
const DIRECTORY = all ? resolve(all) : join(root, 'docs', 'screenshots');
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };
/** So long the charts gather before the first picture. */
const GATHER_MS = 45_000;
/** Transfers keep this distance, so that a small machine has time for the pictures. */
const EVERY_MS = 25;
/** A busy machine takes its time. */
const PICTURE_TIMEOUT_MS = 180_000;
const EAST = { participant: 'accounts-east', account: 'alice' };
const WEST = { participant: 'accounts-west', account: 'bob' };

async function main() {
  await mkdir(DIRECTORY, { recursive: true });
  const product = await startProduct({ args: ['--replicas', '3'] });
  const bank = await mortalBank(product, 'bank-mortal');
  const browser = await launchBrowser();
  const traffic = new Traffic(product.url);
  try {
    await bank.start();
    await eventually(async () => {
      const { body } = await call(`${product.url}/v1/participants/${bank.name}`);
      return body.health === 'up';
    }, 'the second bank');
    await sleep(GATHER_MS);
    // Looked at from before its participant dies, so that the suspicion is seen to grow.
    const watching = await browser.newPage({ viewport: DESKTOP, colorScheme: 'light' });
    await watching.goto(`${product.url}/console/participants`);
    const scene = await stageScene(product.url, bank);
    if (!all) await keepPicture(watching, 'participants');
    await (all ? takeAll : takePictures)(browser, product.url, scene);
  } finally {
    await traffic.stop();
    await browser.close();
    await bank.kill();
    await product.stop();
  }
}

/** Transfers that go on, one in fifteen refused for want of money. */
class Traffic {
  #stopped = false;
  #done;

  constructor(url) {
    this.#done = this.#go(url);
  }

  async #go(url) {
    for (let count = 0; !this.#stopped; count += 1) {
      const amount = count % 15 === 7 ? 900_000_000 : 1;
      const branches = transfer({ from: EAST, to: WEST, amount, reference: `picture-${count}` });
      await oneShot(url, branches, { label: count % 4 === 0 ? `order-${1000 + count}` : 'transfer' });
      await sleep(EVERY_MS);
    }
  }

  async stop() {
    this.#stopped = true;
    await this.#done;
  }
}

/** Something on every page: locks, an audit, one that was resolved, one in doubt since its participant is down. */
async function stageScene(url, bank) {
  await post(`${url}/v1/locks/nightly-report/acquire`, { owner: 'reports-2', ttlMs: 600_000 });
  for (const owner of ['web-1', 'web-2'])
    await post(`${url}/v1/locks/price-list/acquire`, { owner, ttlMs: 540_000, mode: 'shared' });
  await post(`${url}/v1/audits`, {});
  await bank.kill();
  const owing = (label) =>
    oneShot(
      url,
      [
        branch(EAST.participant, 'open', { account: label, balance: 1 }),
        branch(bank.name, 'open', { account: label, balance: 1 }),
      ],
      { label, timeoutMs: 200_000 },
    ).catch(() => undefined); // nobody waits for it: it is in doubt until the product stops
  void owing('loan-17');
  void owing('loan-18');
  const doubts = await eventually(async () => {
    const { items } = (await call(`${url}/v1/in-doubt?minAgeMs=2000`)).body;
    return items.length >= 2 && items;
  }, 'something in doubt');
  await post(`${url}/v1/transactions/${doubts[0].transactionId}/resolve`, {
    outcome: 'aborted',
    reason: 'the bank is gone; agreed with its operator',
  });
  // The traffic writes to the same accounts: now and then one of the two gives way.
  const completed = await eventually(async () => {
    const branches = transfer({ from: EAST, to: WEST, amount: 5, reference: 'picture' });
    const { status, body } = await oneShot(url, branches, { label: 'order-17', wait: 'completed' });
    return status === 200 && body.id;
  }, 'a transfer to look at');
  return { completed, interactive: await interactive(url), doubtful: doubts[1].transactionId };
}

/** One that asked first, and then was rolled back. */
async function interactive(url) {
  const { body } = await post(`${url}/v1/transactions`, { label: 'quote-7' });
  const at = `${url}/v1/transactions/${body.id}`;
  for (const { participant, account } of [EAST, WEST])
    await post(`${at}/branches?execute=now`, branch(participant, 'read', { account }));
  await post(`${at}/rollback`, { wait: 'completed' });
  return body.id;
}

const pagesWith = ({ completed, interactive, doubtful }) => [
  ['overview', '/'],
  ['transactions', '/transactions'],
  ['transaction', `/transactions/${completed}`],
  ['transaction-interactive', `/transactions/${interactive}`],
  ['transaction-in-doubt', `/transactions/${doubtful}`],
  ['begin', '/begin'],
  ['participants', '/participants'],
  ['in-doubt', '/in-doubt'],
  ['cluster', '/cluster'],
  ['locks', '/locks'],
  ['audits', '/audits'],
];

/** Everything, for whoever wants to look at everything. */
async function takeAll(browser, url, scene) {
  for (const colorScheme of ['light', 'dark']) {
    for (const viewport of [DESKTOP, PHONE]) {
      const page = await browser.newPage({ viewport, colorScheme });
      for (const [name, path] of pagesWith(scene)) {
        await takePicture(page, url, path, `${name}-${colorScheme}-${viewport.width}`, true);
      }
      await page.close();
    }
  }
}

async function takePictures(browser, url, scene) {
  const transactionId = scene.completed;
  const pages = pagesWith(scene).filter(([name]) => name !== 'participants');
  const light = await browser.newPage({ viewport: DESKTOP, colorScheme: 'light' });
  for (const [name, path] of pages) await takePicture(light, url, path, name);
  const dark = await browser.newPage({ viewport: DESKTOP, colorScheme: 'dark' });
  await takePicture(dark, url, '/', 'overview-dark');
  await takePicture(dark, url, `/transactions/${transactionId}`, 'transaction-dark');
  const phone = await browser.newPage({ viewport: PHONE, colorScheme: 'dark' });
  await takePicture(phone, url, '/', 'overview-phone');
  await takePicture(phone, url, `/transactions/${transactionId}`, 'transaction-phone');
}

async function takePicture(page, url, path, name, fullPage = false) {
  await page.goto(`${url}/console${path}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
  await sleep(1_500); // a second round of what is read again and again
  await keepPicture(page, name, fullPage);
}

async function keepPicture(page, name, fullPage = false) {
  const path = join(DIRECTORY, `${name}.png`);
  await page.screenshot({ path, fullPage, timeout: PICTURE_TIMEOUT_MS });
  console.log(path);
}

await main().catch((error) => {
  console.error(`\n${sayError(error)}`);
  process.exitCode = 1;
});
