import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { Liveness } from '../apps/coordinator/src/engine/liveness.js';
import { KeySet } from '../apps/coordinator/src/security/key-set.js';
import { TokenVerifier } from '../apps/coordinator/src/security/tokens.js';
import { FakeCoordinator } from '../apps/coordinator/test/fake-coordinator.js';
import { type HttpHarness, LoneCluster, startHttp } from '../apps/coordinator/test/http-harness.js';
import { AUDIENCE, IdentityProvider, ISSUER } from '../apps/coordinator/test/identity-provider.js';
import { KeyRing } from '../apps/coordinator/test/key-ring.js';
import { launchBrowserIfAny } from '../scripts/lib/browser.mjs';

/** What is added to the clock by which tokens end, in ms. */
let later = 0;
const now = (): number => Date.now() + later;
const provider = await IdentityProvider.start();
const rules = {
  issuer: ISSUER,
  audience: AUDIENCE,
  rolesClaim: 'roles',
  rolesPrefix: '',
  participantsClaim: 'participants',
};
const ring = new KeyRing(new TokenVerifier(rules, new KeySet(provider.url, now, () => {}), now));
const PATIENCE_MS = 60_000;
const found = await launchBrowserIfAny();

describe('the console where credentials are asked for', () => {
  let http: HttpHarness;

  beforeAll(async () => {
    http = await startHttp(new FakeCoordinator(), new LoneCluster(), new Liveness(), {
      authenticator: ring.authenticator,
    });
  });
  afterAll(async () => {
    await found?.close();
    await http?.close();
    await provider.stop();
  });

  it('serves its page to everybody, and nothing else', async () => {
    const page = await fetch(`${http.url}/console`);
    expect([page.status, page.headers.get('content-security-policy')]).toEqual([200, expect.stringContaining('nonce')]);
    expect((await fetch(`${http.url}/v1/caller`)).status).toBe(401);
  });

  if (found) describe('in a browser', () => signsIn(found, () => http.url));
});

function signsIn(browser: Browser, url: () => string) {
  let page: Page;
  afterEach(() => page.context().close());

  const fill = async (credential: string) => {
    await page.getByLabel('API key or token').fill(credential);
    await page.keyboard.press('Enter');
  };
  const signIn = async (credential: string, path: string) => {
    page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`${url()}/console${path}`);
    await fill(credential);
  };
  const handOver = () => page.getByRole('button', { name: 'Hand leadership on' });
  const menu = () => page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents();

  it('lets an administrator in, keeps the key in this tab only, and forgets it at the end', async () => {
    await signIn(ring.keys.admin, '/cluster');
    await handOver().waitFor();
    expect(await handOver().isEnabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'Remove Replica 1' }).isDisabled()).toBe(true); // the only member
    expect(await page.evaluate('[localStorage.length, document.cookie, sessionStorage.length]')).toEqual([0, '', 1]);
    await page.reload();
    await handOver().waitFor(); // the tab remembers
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key or token').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  }, 120_000);

  it('lets a token in until it ends, asks again once, and goes on where it was', async () => {
    const inSeconds = (seconds: number) => Math.floor(now() / 1000) + seconds;
    await signIn(await provider.token({ exp: inSeconds(40), roles: ['operator'] }), '/in-doubt');
    await page.getByText('jwt:shop').waitFor();
    await page.getByRole('heading', { name: 'In doubt' }).waitFor();
    later = 80_000;
    await page.getByRole('alert').getByText('The token is expired.').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    let calls = 0;
    page.on('request', () => {
      calls += 1;
    });
    await page.waitForTimeout(3_000); // longer than the pages wait between two reads
    expect(calls).toBe(0);
    await fill(await provider.token({ exp: inSeconds(3600), roles: ['operator'] }));
    await page.getByRole('heading', { name: 'In doubt' }).waitFor();
  }, 120_000);

  it('turns away what is no key, and says so', async () => {
    await signIn('concordat_wrong', '/');
    await page.getByRole('alert').getByText('The API key is not valid.').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.locator(`[data-mantine-color-scheme="${colorScheme}"]`).first().waitFor({ state: 'attached' });
      const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa']).setLegacyMode().analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    }
  }, 120_000);

  it('shows an operator the cluster, without the buttons of an administrator', async () => {
    await signIn(ring.keys.operator, '/cluster');
    await page.getByText('Changes ask for the role admin.').waitFor();
    await page.getByRole('cell', { name: 'Replica 1' }).waitFor();
    for (const name of ['Hand leadership on', 'Add a member', 'Remove Replica 1', 'Make leader: Replica 1']) {
      expect([name, await page.getByRole('button', { name }).count()]).toEqual([name, 0]);
    }
  }, 120_000);

  it('shows a caller its own pages only, begins with its transactions, and tells what is not for it', async () => {
    await signIn(ring.keys.caller, '/');
    await page.waitForURL('**/console/transactions');
    expect(await menu()).toEqual(['Transactions', 'Begin', 'Participants', 'Locks']);
    await page.goto(`${url()}/console/cluster`);
    await page.getByRole('alert').getByText('Not allowed').waitFor();
  }, 120_000);

  it('shows a monitor the overview, and nothing else', async () => {
    await signIn(ring.keys.monitor, '/');
    await page.getByText('live', { exact: true }).waitFor();
    expect(await menu()).toEqual(['Overview']);
    expect(await page.getByRole('heading', { name: 'Replicas' }).count()).toBe(0);
  }, 120_000);

  it('is used by keyboard alone: each part is reached in its order, and is seen to be', async () => {
    await signIn(ring.keys.admin, '/begin');
    const last = page.getByRole('button', { name: 'Begin and commit' });
    await last.waitFor();
    await page.reload(); // what had the focus while signing in is gone
    await last.waitFor();
    const reached: string[] = [];
    for (let turn = 0; turn < 40 && !reached.includes('Begin and commit'); turn += 1) {
      await page.keyboard.press('Tab');
      const [name, style, width] = (await page.evaluate(FOCUSED)) as [string, string, string];
      reached.push(name);
      expect([name, style, Number.parseFloat(width) >= 2]).toEqual([name, expect.not.stringMatching(/none/), true]);
    }
    const inOrder = ['To the content', 'Sign out', 'Overview', 'Audits', 'Participant', 'Operation', 'Input', 'Label'];
    expect(reached.filter((name) => inOrder.includes(name))).toEqual(inOrder);
    expect(reached).toContain('Begin and commit');
    for (let turn = 0; turn < 40 && !(await isAt(page, 'Overview')); turn += 1) await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  }, 120_000);
}

/** Name of what has the focus, and how that is drawn around it. */
const FOCUSED = `(() => {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const name = element.labels?.[0]?.textContent ?? element.getAttribute('aria-label') ?? element.textContent;
  return [name.trim(), outlineStyle, outlineWidth];
})()`;
const isAt = async (page: Page, name: string): Promise<boolean> =>
  ((await page.evaluate(FOCUSED)) as [string])[0] === name;
