/** What an attacker tries over HTTP, by real sockets where it matters. The table is in docs/security.md. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectProblem } from '../../test/expect-problem.js';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, LoneCluster, startHttp } from '../../test/http-harness.js';
import { KeyRing } from '../../test/key-ring.js';
import { openRaw, sendRaw } from '../../test/raw-http.js';
import { Liveness } from '../engine/liveness.js';
import { HTTP_LIMITS, type HttpLimits } from '../http/limits.js';
import { createLogger } from '../observability/logger.js';

const ring = new KeyRing();
const CREDENTIALS = `authorization: ${ring.as('caller').authorization}`;
const JSON_BODY = 'content-type: application/json';

const request = (head: string[], body = ''): string => `${head.join('\r\n')}\r\n\r\n${body}`;
const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);

describe('attacks over HTTP', () => {
  let api: FakeCoordinator;
  let http: HttpHarness;
  const lines: string[] = [];

  beforeAll(async () => {
    api = new FakeCoordinator();
    const logger = createLogger('trace', {}, { write: (line: string) => void lines.push(line) });
    http = await startHttp(api, new LoneCluster(), new Liveness(), { authenticator: ring.authenticator, logger });
  });
  afterAll(() => http.close());
  beforeEach(() => {
    api.calls.length = 0;
    lines.length = 0;
  });

  describe('header injection', () => {
    it.each([
      ['a bare line feed', 'idempotency-key: a\nx-evil: 1'],
      ['a carriage return', 'traceparent: a\rx-evil: 1'],
      ['a NUL', 'idempotency-key: a\0b'],
      ['a folded line', 'idempotency-key: a\r\n b: c'],
      ['a space before the colon', 'authorization : Bearer x'],
    ])('refuses %s, or takes it for what it is', async (_, header) => {
      const text = request(
        [
          'POST /v1/transactions HTTP/1.1',
          'host: x',
          CREDENTIALS,
          JSON_BODY,
          header,
          'content-length: 2',
          'connection: close',
        ],
        '{}',
      );
      const answer = await sendRaw(http.port, text);
      expect(statusOf(answer)).toBe(400);
      expect(answer.toLowerCase()).not.toMatch(/^x-evil/m);
      expect(api.calls).toEqual([]);
    });

    it('splits no response and forges no line of the log with what a caller may choose', async () => {
      const evil = 'x%0d%0aset-cookie:%20a=b';
      for (const path of [
        `/v1/transactions/${evil}`,
        `/docs/assets/${evil}`,
        `/${evil}`,
        `/v1/transactions?label=${evil}`,
      ]) {
        const response = await http.call('GET', path, undefined, ring.as('caller'));
        expect(response.headers.has('set-cookie')).toBe(false);
      }
      const forged = { label: 'a\r\n{"level":60,"msg":"forged"}' };
      expectProblem(await http.call('POST', '/v1/transactions', forged, ring.as('caller')), 'request-invalid');
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(JSON.parse(line)).not.toMatchObject({ msg: 'forged' });
    });
  });

  describe('request smuggling', () => {
    const smuggled = 'GET /v1/participants HTTP/1.1\r\nhost: x\r\n\r\n';
    it.each([
      [
        'Content-Length and Transfer-Encoding',
        ['content-length: 4', 'transfer-encoding: chunked'],
        `0\r\n\r\n${smuggled}`,
      ],
      ['Content-Length twice', ['content-length: 2', 'content-length: 50'], `{}${smuggled}`],
      ['Content-Length as a list', ['content-length: 2, 50'], `{}${smuggled}`],
      ['a Content-Length with a sign', ['content-length: +2'], `{}${smuggled}`],
      [
        'Transfer-Encoding twice',
        ['transfer-encoding: chunked', 'transfer-encoding: identity'],
        `0\r\n\r\n${smuggled}`,
      ],
      ['an obscured Transfer-Encoding', ['transfer-encoding: xchunked'], `0\r\n\r\n${smuggled}`],
      ['a space before the colon', ['transfer-encoding : chunked', 'content-length: 4'], `0\r\n\r\n${smuggled}`],
      ['a chunk size that is none', ['transfer-encoding: chunked'], `0x2\r\n{}\r\n0\r\n\r\n${smuggled}`],
    ])('by %s ends the connection unserved', async (_, headers, body) => {
      const text = request(['POST /v1/transactions HTTP/1.1', 'host: x', CREDENTIALS, JSON_BODY, ...headers], body);
      const answer = await sendRaw(http.port, text);
      expect([400, 413]).toContain(statusOf(answer));
      expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(api.calls).toEqual([]);
    });
  });

  describe('what is too large', () => {
    it('in headers is 431, by bytes and by number', async () => {
      const long = request(['GET /v1/participants HTTP/1.1', 'host: x', CREDENTIALS, `x-a: ${'a'.repeat(20_000)}`]);
      expect(await sendRaw(http.port, long)).toMatch(/^HTTP\/1\.1 431 [\s\S]*"code":"headers-too-large"/);
      const many = Array.from({ length: HTTP_LIMITS.headersMax }, (_, n) => `x-${n}: a`);
      const text = request(['GET /v1/participants HTTP/1.1', 'host: x', CREDENTIALS, 'connection: close', ...many]);
      expect(await sendRaw(http.port, text)).toMatch(/^HTTP\/1\.1 431 [\s\S]*"code":"headers-too-large"/);
    });

    it('in the URL is 414', async () => {
      const path = `/v1/transactions?label=${'a'.repeat(HTTP_LIMITS.urlLengthMax)}`;
      expectProblem(await http.call('GET', path, undefined, ring.as('caller')), 'url-too-long');
    });

    it('in the body is 413, and unread where nobody says who they are', async () => {
      const body = JSON.stringify({ label: 'x'.repeat(1024 * 1024) });
      expectProblem(await http.call('POST', '/v1/transactions', body, ring.as('caller')), 'body-too-large');
      const head = ['POST /v1/transactions HTTP/1.1', 'host: x', JSON_BODY, 'content-length: 1000000000'];
      const { socket, answer } = await openRaw(http.port);
      socket.write(request(head));
      while (answer() === '') await new Promise((resolve) => setTimeout(resolve, 5));
      expect(statusOf(answer())).toBe(401);
      socket.destroy();
    });

    it('in depth is 400', async () => {
      const body = `{"branches":[{"participant":"a","operation":"b","input":${'['.repeat(50_000)}${']'.repeat(50_000)}}]}`;
      expectProblem(await http.call('POST', '/v1/transactions', body, ring.as('caller')), 'request-invalid');
    });
  });

  describe('prototype pollution', () => {
    it.each([
      '{"__proto__":{"polluted":true}}',
      '{"branches":[{"participant":"a","operation":"b","input":{"__proto__":{"polluted":true}}}]}',
      '{"constructor":{"prototype":{"polluted":true}}}',
      '{"branches":[{"participant":"a","operation":"b","input":{"a":{"constructor":{"prototype":{"polluted":1}}}}}]}',
      '{"\\u005f\\u005fproto\\u005f\\u005f":{"polluted":true}}',
    ])('by the body %s is refused', async (body) => {
      expectProblem(await http.call('POST', '/v1/transactions', body, ring.as('caller')), 'request-invalid');
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      expect(api.calls).toEqual([]);
    });

    it.each(['__proto__[polluted]=1', '__proto__=1', 'constructor.prototype.polluted=1', 'constructor=1'])(
      'by the query %s is refused',
      async (query) => {
        const response = await http.call('GET', `/v1/transactions?${query}`, undefined, ring.as('caller'));
        expectProblem(response, 'request-invalid');
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      },
    );
  });

  describe('the path', () => {
    it.each([
      '/docs/assets/..%2f..%2fpackage.json',
      '/docs/assets/%2e%2e/%2e%2e/package.json',
      '/docs/assets/..%5c..%5cpackage.json',
      '/docs/assets/....//package.json',
      '/docs/assets/__proto__',
      '/docs/../../../../etc/passwd',
    ])('%s leads to no file', async (path) => {
      const answer = await sendRaw(http.port, request([`GET ${path} HTTP/1.1`, 'host: x', 'connection: close']));
      expect(statusOf(answer)).toBe(404);
    });

    it.each([
      '//v1/cluster',
      '/v1//cluster',
      '/v1/cluster/',
      '/V1/CLUSTER',
      '/v1/%63luster',
      '/v1%2fcluster',
      '/health/live/../../v1/cluster',
      '/health/%2e%2e/v1/cluster',
      '/v1/cluster;x=1',
      '/v1/cluster%00',
      '/v1/cluster?x=/health/live',
      'http://evil.example/v1/cluster',
    ])('%s is no way around the guard', async (path) => {
      const answer = await sendRaw(http.port, request([`GET ${path} HTTP/1.1`, 'host: x', 'connection: close']));
      expect([400, 401, 404]).toContain(statusOf(answer));
      expect(answer).not.toContain('"leader"');
    });

    it.each([
      'x-http-method-override: DELETE',
      'x-forwarded-for: 127.0.0.1',
      'x-original-url: /health/live',
      'x-rewrite-url: /health/live',
      'x-concordat-forwarded: 1',
      'host: localhost',
    ])('with the header "%s" is no way around the guard either', async (header) => {
      const head = ['GET /v1/cluster HTTP/1.1', header.startsWith('host') ? header : `host: x\r\n${header}`];
      expect(statusOf(await sendRaw(http.port, request([...head, 'connection: close'])))).toBe(401);
    });
  });

  it('other origins get nothing: no CORS header, on no answer', async () => {
    const origin = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
    for (const [method, path] of [
      ['OPTIONS', '/v1/transactions'],
      ['GET', '/v1/transactions'],
      ['GET', '/health/live'],
      ['GET', '/openapi.json'],
    ] as const) {
      const { headers } = await http.call(method, path, undefined, { ...origin, ...ring.as('caller') });
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  describe('guessing', () => {
    it('keys tells nothing, changes nothing for those who have one, and is counted', async () => {
      const right = ring.keys.caller;
      const bodies = new Set<string>();
      for (let n = 0; n < 200; n += 1) {
        const wrong =
          n % 2 === 0
            ? `${right.slice(0, -3)}${String(n).padStart(3, '0')}`
            : `concordat_nobody-${n}_${right.slice(-43)}`;
        const response = await http.call('GET', '/v1/participants', undefined, { authorization: `Bearer ${wrong}` });
        expectProblem(response, 'unauthenticated');
        bodies.add(response.text);
      }
      expect(bodies.size).toBe(1);
      expect((await http.call('GET', '/v1/participants', undefined, ring.as('caller'))).status).toBe(200);
      const { text } = await http.call('GET', '/metrics', undefined, ring.as('monitor'));
      expect(
        Number(/concordat_http_refused_total\{code="unauthenticated"\} (\d+)/.exec(text)?.[1]),
      ).toBeGreaterThanOrEqual(200);
    });

    it('by the time that an answer takes is in vain: keys are compared in constant time, and nowhere else', () => {
      const source = readFileSync(new URL('./api-keys.ts', import.meta.url), 'utf8');
      expect(source).toContain('timingSafeEqual(hash(');
      expect(source).not.toMatch(/digest\s*(===|!==|==|!=)|\.equals\(|\.compare\(/);
    });
  });

  it('no secret reaches a log, at any level, whatever a caller sends', async () => {
    const { admin } = ring.keys;
    const secret = admin.slice(-43);
    const token = `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.${secret}`;
    const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` });
    await http.call('GET', '/v1/cluster', undefined, bearer(admin));
    await http.call('POST', '/v1/cluster/transfer', {}, bearer(admin));
    await http.call('GET', '/v1/cluster', undefined, bearer(`${admin.slice(0, -1)}!`));
    await http.call('GET', '/v1/cluster', undefined, bearer(token));
    await http.call('GET', '/v1/cluster', undefined, { authorization: `Basic ${secret}` });
    await http.call('GET', `/v1/transactions?label=${admin}`, undefined, bearer(admin));
    await http.call('GET', `/v1/transactions/${admin}`, undefined, bearer(admin));
    await http.call('GET', `/nowhere/${token}`, undefined, bearer(admin));
    await http.call('POST', '/v1/transactions', `{"label":"${admin}"`, bearer(admin));
    await http.call('POST', '/v1/transactions', { [admin]: token }, { ...bearer(admin), 'idempotency-key': admin });
    api.failNext = new Error(`postgres://concordat:${secret}@db:5432/concordat refused ${admin}`);
    expectProblem(await http.call('GET', '/v1/transactions', undefined, bearer(admin)), 'internal');
    expect(lines.length).toBeGreaterThanOrEqual(10);
    expect(lines.join('')).toContain('administrative call');
    for (const line of lines) expect(line).not.toContain(secret.slice(0, 20));
  });
});

describe('slow and many connections', () => {
  const limits = { ...HTTP_LIMITS, headersTimeoutMs: 400, requestTimeoutMs: 800, checkIntervalMs: 50 };
  let http: HttpHarness;

  const start = (bounds: HttpLimits) =>
    startHttp(new FakeCoordinator(), new LoneCluster(), new Liveness(), {
      authenticator: ring.authenticator,
      limits: bounds,
    });
  beforeEach(async () => {
    http = await start(limits);
  });
  afterEach(() => http.close());

  it('that send headers drop by drop (slow loris) are ended with 408, while others are served', async () => {
    const slow = await Promise.all(Array.from({ length: 20 }, () => openRaw(http.port)));
    const dripping = setInterval(() => {
      for (const { socket } of slow) if (socket.writable) socket.write('x-a: b\r\n');
    }, 30);
    for (const { socket } of slow) socket.write('GET /v1/participants HTTP/1.1\r\nhost: x\r\n');
    expect((await http.call('GET', '/v1/participants', undefined, ring.as('caller'))).status).toBe(200);
    await Promise.all(slow.map(({ closed }) => closed));
    clearInterval(dripping);
    expect(
      slow.every(({ answer }) => statusOf(answer()) === 408 && answer().includes('"code":"request-timeout"')),
    ).toBe(true);
  });

  it('that send a body drop by drop are ended too', async () => {
    const { socket, answer, closed } = await openRaw(http.port);
    socket.write(
      request(['POST /v1/transactions HTTP/1.1', 'host: x', CREDENTIALS, JSON_BODY, 'content-length: 1000']),
    );
    const dripping = setInterval(() => socket.writable && socket.write(' '), 30);
    await closed;
    clearInterval(dripping);
    expect(statusOf(answer())).toBe(408);
  });

  it('that say nothing at all are ended too', async () => {
    const { closed } = await openRaw(http.port);
    await closed;
  });

  it('a slow answer is no slow request: a stream goes on beyond both timeouts', async () => {
    const { id } = (await http.call('POST', '/v1/transactions', {}, ring.as('caller'))).json;
    const { socket, answer } = await openRaw(http.port);
    let ended = false;
    socket.on('close', () => {
      ended = true;
    });
    socket.write(request([`GET /v1/transactions/${id}/events HTTP/1.1`, 'host: x', CREDENTIALS]));
    await new Promise((resolve) => setTimeout(resolve, limits.requestTimeoutMs * 2));
    expect([statusOf(answer()), ended]).toEqual([200, false]);
    socket.destroy();
  });

  it('beyond the limit are closed unread, and counted; those there are served', async () => {
    const connectionsMax = 5;
    const few = await start({ ...HTTP_LIMITS, connectionsMax });
    const keepers = await Promise.all(Array.from({ length: connectionsMax }, () => openRaw(few.port)));
    const further = await openRaw(few.port);
    await further.closed;
    expect(further.answer()).toBe('');
    const [first] = keepers;
    const head = ['GET /metrics HTTP/1.1', 'host: x', `authorization: ${ring.as('monitor').authorization}`];
    first?.socket.write(request([...head, 'connection: close']));
    await first?.closed;
    expect(first?.answer()).toMatch(/concordat_http_connections_dropped_total [1-9]/);
    for (const { socket } of keepers) socket.destroy();
    await few.close();
  });
});
