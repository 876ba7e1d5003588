import { readFile } from 'node:fs/promises';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowserIfAny } from '../scripts/lib/browser.mjs';
import { branch, oneShot, transfer } from './product/api.mjs';
import { mortalBank } from './product/mortal.mjs';
import { eventually, startProduct } from './product/product.mjs';

/** Where somebody waits for what the page will show. */
const PATIENCE_MS = 60_000;
const PAGES = ['', '/transactions', '/begin', '/participants', '/in-doubt', '/cluster', '/locks', '/audits'];
/** Colours do not depend on the width. */
const LOOKS = [
  ['light', 1280],
  ['dark', 360],
] as const;
const EAST = { participant: 'accounts-east', account: 'alice' };
const WEST = { participant: 'accounts-west', account: 'bob' };

const found = await launchBrowserIfAny();

describe('the console', () => {
  it('is built with the rest', async () => {
    const page = await readFile(new URL('../apps/console/dist/index.html', import.meta.url), 'utf8');
    expect(page).toMatch(/src="\/console\/assets\/[\w.-]+\.js"/);
  });

  if (found) describe('in a browser', () => shows(found));
});

function shows(browser: Browser) {
  let product: Awaited<ReturnType<typeof startProduct>>;
  let bank: Awaited<ReturnType<typeof mortalBank>>;
  let page: Page;
  /** What the browser complains of: scripts that fail, and what the policy of the page refuses. */
  const complaints: string[] = [];
  /** Writes that the console made, as `METHOD path`. */
  const writes: string[] = [];
  let references = 0;

  const move = (amount = 1) => {
    references += 1;
    return oneShot(product.url, transfer({ from: EAST, to: WEST, amount, reference: `console-${references}` }), {
      label: 'from the test',
    });
  };
  const open = (path: string) => page.goto(`${product.url}/console${path}`);
  const newPage = async (): Promise<Page> => {
    const made = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    made.setDefaultTimeout(PATIENCE_MS);
    made.on('pageerror', (error) => complaints.push(error.message));
    made.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())));
    made.on(
      'request',
      (sent) => void (sent.method() !== 'GET' && writes.push(`${sent.method()} ${new URL(sent.url()).pathname}`)),
    );
    return made;
  };

  beforeAll(async () => {
    product = await startProduct();
    bank = await mortalBank(product, 'bank-mortal');
    await bank.start();
    page = await newPage();
  }, 400_000);
  afterEach(() => {
    expect(complaints.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await bank?.kill();
    expect(await product?.stop()).toBe(0);
  }, 60_000);

  it('follows what is moved, live', async () => {
    await open('');
    await page.getByText('live', { exact: true }).waitFor();
    let moved = true;
    const moving = (async () => {
      while (moved) await move();
    })();
    const committed = page.getByTestId('committed');
    await eventually(async () => Number(await committed.textContent()) > 0, 'the rate to rise', PATIENCE_MS);
    moved = false;
    await moving;
    await eventually(async () => (await committed.textContent()) === '0', 'the rate to fall', PATIENCE_MS);
  }, 150_000);

  it('finds a transaction, and draws how it went', async () => {
    const { body } = await move();
    await open('/transactions');
    await page.getByLabel('Id or label').fill(body.id);
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/console/transactions/${body.id}`);
    const drawing = page.getByRole('img', { name: /^Sequence/ });
    await eventually(
      async () => /completed$/.test((await drawing.getAttribute('aria-label')) ?? ''),
      'its end to be drawn',
    );
    const words = await drawing.getAttribute('aria-label');
    for (const bankName of ['accounts-east', 'accounts-west']) {
      expect(words).toMatch(new RegExp(`prepare to ${bankName};`));
      expect(words).toMatch(new RegExp(`vote: prepared from ${bankName} after`));
      expect(words).toMatch(new RegExp(`done: committed from ${bankName} after`));
    }
    expect(words).toMatch(/begun;.*outcome settled.*decision durable: committed/);

    const refused = await move(900_000_000);
    expect(refused.status).toBe(409);
    await open(`/transactions/${refused.body.transactionId}`);
    await page.getByText('Why it aborted').waitFor();
    await open('/transactions/a-1-1');
    await page.getByRole('alert').waitFor(); // one that never was
    expect(complaints.splice(0).every((text) => /status of 4(04|10)/.test(text))).toBe(true);
  }, 120_000);

  it('begins one by form, and shows what is wrong where it is wrong', async () => {
    await open('/begin');
    await page.getByLabel('Participant').selectOption('accounts-east');
    await page.getByLabel('Operation').selectOption('credit');
    const input = page.getByLabel('Input', { exact: true });
    await input.fill('{ "account": 5 }');
    await page.getByRole('button', { name: 'Begin and commit' }).click();
    await eventually(async () => (await input.getAttribute('aria-invalid')) === 'true', 'the field to be marked');
    expect(complaints.splice(0).join()).toContain('422');
    await input.fill(JSON.stringify({ account: 'alice', amount: 5, reference: 'by form' }));
    await page.getByLabel('Label').fill('by form');
    await page.getByRole('button', { name: 'Begin and commit' }).click();
    await page.getByRole('status').getByText('committed').waitFor();
  }, 120_000);

  it('shows a participant that is killed as down, and as up when it is back', async () => {
    await open('/participants');
    const card = (health: string) => page.locator(`[data-participant="${bank.name}"][data-health="${health}"]`);
    await card('up').waitFor();
    await bank.kill();
    await card('down').waitFor();
    await bank.start();
    await card('up').waitFor();
  }, 150_000);

  it('lets an operator end what is in doubt, with a reason and not without', async () => {
    await bank.kill();
    // Sent before anybody knows that the bank is dead: one side is prepared, and the other never answers.
    const account = 'in-doubt';
    const owing = oneShot(
      product.url,
      [branch('accounts-east', 'open', { account, balance: 1 }), branch(bank.name, 'open', { account, balance: 1 })],
      { label: 'in doubt', timeoutMs: 500_000 },
    );
    await open('/in-doubt');
    const row = page.getByRole('row').filter({ hasText: 'in doubt' });
    await row.getByText('voting').waitFor();
    writes.length = 0;
    await row.getByRole('button', { name: 'Resolve' }).click();
    const dialog = page.getByRole('dialog');
    const resolve = dialog.getByRole('button', { name: 'Resolve it' });
    expect(await resolve.isDisabled()).toBe(true);
    expect(writes).toEqual([]);
    await dialog.getByLabel('Reason').fill('the bank is gone');
    await resolve.click();
    await page.getByRole('cell', { name: 'the bank is gone' }).waitFor();
    expect(writes).toHaveLength(1);
    expect((await owing).body).toMatchObject({ code: 'transaction-aborted' });
    await bank.start();
    await page.getByText('Nothing is in doubt.').waitFor();
  }, 150_000);

  it('asks before it changes the cluster, and changes nothing when told to leave it', async () => {
    writes.length = 0;
    await open('/cluster');
    await page.getByRole('button', { name: 'Hand leadership on' }).press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Leave it' }).press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Add a member' }).click();
    expect(await dialog.getByRole('button', { name: 'Add it' }).isDisabled()).toBe(true); // no address yet
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect(await page.getByRole('button', { name: 'Remove' }).isDisabled()).toBe(true); // the only member
    expect(writes).toEqual([]);
  }, 120_000);

  it('meets WCAG AA on every page, light and dark, wide and narrow, and never scrolls sideways', async () => {
    writes.length = 0;
    const { body } = await move();
    for (const path of [...PAGES, `/transactions/${body.id}`]) {
      await open(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForFunction(`!document.querySelector('[aria-busy="true"]')`);
      for (const [colorScheme, width] of LOOKS) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        await page.locator(`[data-mantine-color-scheme="${colorScheme}"]`).first().waitFor({ state: 'attached' });
        const axe = new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']);
        const { violations } = await axe.setLegacyMode().analyze();
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`);
        const wide = await page.evaluate('document.documentElement.scrollWidth');
        expect({ path, colorScheme, found, wide }).toEqual({ path, colorScheme, found: [], wide: width });
      }
    }
    expect(writes).toEqual([]); // looking changes nothing
  }, 200_000);
}
