import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, startHttp } from '../../test/http-harness.js';
import { sendRaw } from '../../test/raw-http.js';
import { readPage } from './console.controller.js';

/** `npm test` builds the console first. */
describe('the console', () => {
  let http: HttpHarness;
  beforeAll(async () => {
    http = await startHttp(new FakeCoordinator());
  });
  afterAll(() => http.close());

  const assetsOf = (html: string): string[] =>
    [...html.matchAll(/"(\/console\/assets\/[^"]+)"/g)].map(([, path]) => path as string);

  it('is one page at every path, with a policy that lets nothing else in, and never an old one', async () => {
    const [first, second] = [await http.call('GET', '/console'), await http.call('GET', '/console/transactions/a-1-1')];
    for (const { status, headers, text } of [first, second]) {
      expect(status).toBe(200);
      expect(headers.get('cache-control')).toBe('no-cache');
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'; script-src 'self';");
      expect(policy).not.toContain('unsafe');
      const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] as string;
      expect(text).toContain(`nonce="${nonce}"`);
      expect(text).not.toMatch(/<script(?![^>]*src=)|<style|https?:\/\//); // nothing in line, nothing from elsewhere
    }
    expect(assetsOf(first.text)).toEqual(assetsOf(second.text));
    expect(first.headers.get('content-security-policy')).not.toBe(second.headers.get('content-security-policy'));
  });

  it('says how to build it where it is not built', async () => {
    const reading = readPage('/no/such/folder');
    await expect(reading).rejects.toMatchObject({
      code: 'route-not-found',
      message: expect.stringContaining('npm run build'),
    });
  });

  it('serves the files that the page names, to be kept for good', async () => {
    const paths = assetsOf((await http.call('GET', '/console')).text);
    expect(paths.length).toBeGreaterThan(1);
    for (const path of paths) {
      const { status, headers, text } = await http.call('GET', path);
      expect([path, status]).toEqual([path, 200]);
      expect(headers.get('cache-control')).toContain('immutable');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(text.length).toBeGreaterThan(100);
    }
  });

  it.each([
    '/console/assets/../index.html',
    '/console/assets/..%2findex.html',
    '/console/assets/%2e%2e%2f%2e%2e%2fpackage.json',
    '/console/assets/..%5c..%5cpackage.json',
    '/console/assets/constructor',
    '/console/assets/%00',
  ])('serves no other file: %s', async (path) => {
    const answer = await sendRaw(http.port, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect(answer).not.toMatch(/"name":|"private"/);
    expect(answer.split(' ')[1]).toMatch(/^(404|400|200)$/);
    // A path that is normalised on its way may be the page itself; a file it never is.
    if (answer.split(' ')[1] === '200') expect(answer).toContain('<div id="root">');
  });
});
