import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { Liveness } from '../apps/coordinator/src/engine/liveness.js';
import { FakeCoordinator } from '../apps/coordinator/test/fake-coordinator.js';
import { type HttpHarness, LoneCluster, startHttp } from '../apps/coordinator/test/http-harness.js';
import { KeyRing } from '../apps/coordinator/test/key-ring.js';
import { launchBrowserIfAny } from '../scripts/lib/browser.mjs';

const ring = new KeyRing();
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

  const signIn = async (key: string, path: string) => {
    page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`${url()}/console${path}`);
    await page.getByLabel('API key or token').fill(key);
    await page.keyboard.press('Enter');
  };
  const handOver = () => page.getByRole('button', { name: 'Hand leadership on' });

  it('lets an administrator in, keeps the key in this tab only, and forgets it at the end', async () => {
    await signIn(ring.keys.admin, '/cluster');
    await handOver().waitFor();
    expect(await handOver().isEnabled()).toBe(true);
    expect(await page.evaluate('[localStorage.length, document.cookie, sessionStorage.length]')).toEqual([0, '', 1]);
    await page.reload();
    await handOver().waitFor(); // the tab remembers
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key or token').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
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
    await handOver().waitFor();
    expect(await handOver().isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'Remove' }).isDisabled()).toBe(true);
  }, 120_000);

  it('tells a caller what is not for it', async () => {
    await signIn(ring.keys.caller, '/cluster');
    await page.getByRole('alert').getByText('Not allowed').waitFor();
  }, 120_000);
}
