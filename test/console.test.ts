import { readFile } from 'node:fs/promises';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowserIfAny } from '../scripts/lib/browser.mjs';
import { branch, call, oneShot, post, transfer } from './product/api.mjs';
import { joiningReplica } from './product/joining.mjs';
import { mortalBank } from './product/mortal.mjs';
import { eventually, killAndAwait, startProduct } from './product/product.mjs';

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
  let joining: Awaited<ReturnType<typeof joiningReplica>> | undefined;
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
    product = await startProduct({ args: ['--replicas', '3'] });
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
    await joining?.kill();
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
    await page.goto('about:blank');
    expect(complaints.splice(0).every((text) => /status of 4(04|10)/.test(text))).toBe(true);
  }, 120_000);

  it('draws operations that ran at once, and what was rolled back', async () => {
    const { body } = await post(`${product.url}/v1/transactions`, {});
    const at = `${product.url}/v1/transactions/${body.id}`;
    for (let turn = 0; turn < 2; turn += 1) {
      const read = await post(`${at}/branches?execute=now`, branch('accounts-east', 'read', { account: 'alice' }));
      expect(read.status).toBe(201);
    }
    expect((await post(`${at}/rollback`, { wait: 'completed' })).status).toBe(200);
    await open(`/transactions/${body.id}`);
    const words = await page.getByRole('img', { name: /^Sequence.*completed$/ }).getAttribute('aria-label');
    expect(words?.match(/execute to accounts-east/g)).toHaveLength(2); // neither was sent again
    expect(words?.match(/executed from accounts-east after/g)).toHaveLength(2);
    expect(words).toMatch(/rollback to accounts-east.*done: rolled-back from accounts-east after/);
    expect(words).not.toMatch(/awaited/);
    await page.getByText('rolled-back').first().waitFor();
  }, 120_000);

  it('begins one by form, and shows what is wrong where it is wrong', async () => {
    await open('/begin');
    await page.getByLabel('Participant').selectOption('accounts-east');
    await page.getByLabel('Operation').selectOption('credit');
    const begin = page.getByRole('button', { name: 'Begin and commit' });
    const isMarked = (label: string) => async () =>
      (await page.getByLabel(label).getAttribute('aria-invalid')) === 'true';
    await page.getByLabel('amount').fill('-5');
    writes.length = 0;
    await begin.click();
    for (const label of ['account', 'amount', 'reference']) await eventually(isMarked(label), `${label} to be marked`);
    await page.getByText('Above 0.', { exact: true }).waitFor();
    expect(writes).toEqual([]);
    await page.getByLabel('account').fill('ali\u0007ce'); // what the form does not look at, the coordinator does
    await page.getByLabel('amount').fill('5');
    await page.getByLabel('reference').fill('by form');
    await begin.click();
    await page.getByText('must match pattern').waitFor();
    expect(await isMarked('account')()).toBe(true);
    expect(complaints.splice(0).join()).toContain('422');
    await page.getByRole('button', { name: 'Type it as JSON' }).click();
    const input = page.getByLabel('Input', { exact: true });
    await input.fill(JSON.stringify({ account: 'alice', amount: 5, reference: 'by form' }));
    await page.getByRole('button', { name: 'Fill in fields' }).click();
    expect(await page.getByLabel('account').inputValue()).toBe('alice');
    await page.getByLabel('Label').fill('by form');
    await begin.click();
    await page.getByRole('status').getByText('committed').waitFor();
  }, 120_000);

  it('shows how suspicious a participant becomes that is killed, down at last, and up when it is back', async () => {
    await open('/participants');
    const phi = async () => {
      const text = (await page.getByTestId(`suspicion-${bank.name}`).textContent()) ?? '';
      return Number(text.replaceAll(',', ''));
    };
    const card = (health: string) => page.locator(`[data-participant="${bank.name}"][data-health="${health}"]`);
    await card('up').waitFor();
    await bank.kill();
    await card('down').waitFor();
    const atFirst = await phi();
    expect(atFirst).toBeGreaterThan(0);
    await eventually(async () => (await phi()) > atFirst, 'the suspicion to grow');
    await bank.start();
    await card('up').waitFor();
    await eventually(async () => (await phi()) < 8, 'the suspicion to fall');
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
    await row.getByRole('link').click();
    await page.getByRole('img', { name: new RegExp(`vote awaited from ${bank.name} for`) }).waitFor();
    await page.goBack();
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
    expect(writes).toEqual([]);
  }, 120_000);

  it('hands leadership on, removes a replica and takes another in, when it is told to', async () => {
    await open('/cluster');
    const row = (nodeId: number) => page.getByRole('row').filter({ hasText: `Replica ${nodeId}` });
    /** Repeated where the cluster was not ready for it. */
    const confirm = async (button: string) => {
      const dialog = page.getByRole('dialog');
      const refused = dialog.getByRole('alert');
      await eventually(async () => {
        await dialog.getByRole('button', { name: button }).click();
        await refused.or(page.locator('body:not(:has([role="dialog"]))')).first().waitFor();
        return !(await dialog.isVisible());
      }, button);
    };
    const { leader, members } = (await call(`${product.url}/v1/cluster`)).body;
    const leads = members.find(({ id }: { id: number }) => id === leader).nodeId;
    const [next, other] = leads === 2 ? [3, 2] : [2, 3]; // the first one serves the page
    await page.getByRole('button', { name: `Make leader: Replica ${next}` }).click();
    await confirm('Hand it over');
    await row(next).getByText('leader', { exact: true }).waitFor();

    await page.getByRole('button', { name: `Remove Replica ${other}` }).click();
    await confirm('Remove it');
    await row(other).waitFor({ state: 'detached' });

    joining = await joiningReplica(product, 4);
    await page.getByRole('button', { name: 'Add a member' }).click();
    await page.getByRole('dialog').getByLabel('Address for its peers').fill(joining.address);
    await confirm('Add it');
    await row(4).getByText('follower', { exact: true }).waitFor();
    complaints.splice(0); // of attempts that were refused
    expect((await move()).status).toBe(200);
  }, 150_000);

  it('audits what Kafka holds when it is told to, and has a report of it', async () => {
    await open('/audits');
    await page.getByRole('button', { name: 'Start an audit' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Start', exact: true }).click();
    await page.getByText('No violation: no transaction ended mixed.').waitFor();
    const opened = page.waitForEvent('popup');
    await page.getByRole('link', { name: 'The report as a page' }).click();
    const report = await opened;
    await report.getByText(/No violation among \d+ transactions/).waitFor();
    await report.close();
  }, 120_000);

  it('says when nobody answers, keeps what was known, and goes on when somebody does', async () => {
    await open('');
    await page.getByText('live', { exact: true }).waitFor();
    const lost = page.getByRole('alert').getByText('The coordinator does not answer');
    const back = killAndAwait(product, (run) => run.coordinators[0] as { pid: number | null; url: string });
    await lost.waitFor();
    expect(await page.getByRole('img').or(page.getByRole('figure')).count()).toBeGreaterThan(0);
    await back;
    await lost.waitFor({ state: 'hidden' });
    await page.getByText('live', { exact: true }).waitFor();
    complaints.splice(0); // of calls that nobody answered
  }, 150_000);

  it('stands beside references that read well: the calls, and the messages on Kafka', async () => {
    await page.goto(`${product.url}/docs`);
    await page.getByText('Begin a transaction').waitFor();
    expect(await page.getByText('Warning', { exact: true }).count()).toBe(0);
    await page.goto(`${product.url}/docs/kafka`);
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toContain('concordat.replies');
    expect(await page.getByRole('heading', { level: 3 }).allTextContents()).toContain('vote');
    await page.getByRole('link', { name: 'concordat.replies' }).click();
    expect(new URL(page.url()).hash).toBe('#concordatreplies');
    for (const [colorScheme, width] of LOOKS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      const axe = new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']);
      expect((await axe.setLegacyMode().analyze()).violations.map(({ id }) => id)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    }
  }, 120_000);

  it('meets WCAG AA on every page, light and dark, wide and narrow, and never scrolls sideways', async () => {
    writes.length = 0;
    const { body } = await move();
    for (const path of [...PAGES, `/transactions/${body.id}`]) {
      await open(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
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
