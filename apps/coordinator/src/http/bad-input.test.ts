import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectProblem } from '../../test/expect-problem.js';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, startHttp } from '../../test/http-harness.js';

const DEBIT = { participant: 'accounts-east', operation: 'debit', input: { account: 'a', amount: 5 } };
const UNKNOWN_ID = 'mia9xyz1-1-zz';

describe('bad input', () => {
  let api: FakeCoordinator;
  let http: HttpHarness;

  beforeAll(async () => {
    api = new FakeCoordinator();
    http = await startHttp(api);
  });
  afterAll(() => http.close());
  beforeEach(() => {
    api.calls.length = 0;
  });

  it.each([
    ['no body', undefined],
    ['null', null],
    ['an array', []],
    ['a text', '"x"'],
    ['an unknown field', { labels: 'x' }],
    ['a wrong type', { commit: 'yes' }],
    ['a timeout too short', { timeoutMs: 99 }],
    ['a timeout too long', { timeoutMs: 600_001 }],
    ['a timeout that is no integer', { timeoutMs: 100.5 }],
    ['a label too long', { label: 'x'.repeat(201) }],
    ['a label with a control character', { label: 'a\u0000b' }],
    ['an unknown isolation', { isolation: 'chaos' }],
    ['an unknown wait', { wait: 'forever' }],
    ['a branch with a bad name', { branches: [{ ...DEBIT, participant: 'A B' }] }],
    ['a branch with a field too many', { branches: [{ ...DEBIT, id: '1' }] }],
  ])('refuses a begin with %s and names the place', async (_, body) => {
    const response = await http.call('POST', '/v1/transactions', body);
    expect(expectProblem(response, 'request-invalid').issues).toEqual(
      expect.arrayContaining([{ path: expect.stringMatching(/^body/), message: expect.any(String) }]),
    );
    expect(api.calls).toEqual([]);
  });

  it('refuses more branches than a transaction may have', async () => {
    const response = await http.call('POST', '/v1/transactions', { branches: Array(101).fill(DEBIT) });
    expectProblem(response, 'too-many-branches');
  });

  it.each([
    ['malformed JSON', '{"label":'],
    ['a prototype-pollution attempt', '{"__proto__":{"admin":true}}'],
    ['a nested prototype-pollution attempt', '{"branches":[{"input":{"__proto__":{}}}]}'],
    ['a constructor-pollution attempt', '{"constructor":{"prototype":{"a":1}}}'],
    ['a number that is none', '{"branches":[{"participant":"a","operation":"b","input":1e999}]}'],
    ['half a character', '{"branches":[{"participant":"a","operation":"b","input":{"a":["\\ud800"]}}]}'],
    ['half a character as a name', '{"branches":[{"participant":"a","operation":"b","input":{"\\udc00":1}}]}'],
    [
      'endless nesting',
      `{"branches":[{"participant":"a","operation":"b","input":${'['.repeat(50_000)}${']'.repeat(50_000)}}]}`,
    ],
  ])('refuses %s', async (_, body) => {
    const headers = { 'content-type': 'application/json' };
    expectProblem(await http.raw('/v1/transactions', { method: 'POST', headers, body }), 'request-invalid');
  });

  it('refuses other content types', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'garbage',
    ]) {
      const response = await http.raw('/v1/transactions', {
        method: 'POST',
        headers: { 'content-type': type },
        body: 'label=x',
      });
      expectProblem(response, 'unsupported-media-type');
    }
  });

  it('answers a body of 1 MB with 413, chunked or not', async () => {
    const body = JSON.stringify({ label: 'x'.repeat(1024 * 1024) });
    const headers = { 'content-type': 'application/json' };
    expectProblem(await http.call('POST', '/v1/transactions', body, headers), 'body-too-large');
    const stream = new Blob([body]).stream();
    const init = { method: 'POST', headers, body: stream, duplex: 'half' } as RequestInit;
    expectProblem(await http.raw('/v1/transactions', init), 'body-too-large');
  });

  it('answers 413 to a client that writes its whole body before it reads', async () => {
    const body = 'x'.repeat(8 * 1024 * 1024);
    for (let n = 0; n < 5; n += 1) {
      const head = `POST /v1/transactions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;
      const text = `${head}content-length: ${body.length}\r\n\r\n${body}`;
      expect(await rawSocket(http.port, text)).toMatch(/^HTTP\/1\.1 413 /);
    }
  });

  it.each(['limit=0', 'limit=201', 'limit=ten', 'limit=', 'limit=1&limit=2', 'status=done', 'participant=A', 'page=2'])(
    'refuses the query ?%s',
    async (query) => {
      const problem = expectProblem(await http.call('GET', `/v1/transactions?${query}`), 'request-invalid');
      expect(problem.issues).toEqual([{ path: expect.stringMatching(/^query/), message: expect.any(String) }]);
    },
  );

  it('refuses a query where there is none to give', async () => {
    expectProblem(await http.call('POST', '/v1/transactions?commit=true', {}), 'request-invalid');
    expectProblem(await http.call('GET', '/v1/participants?x=1'), 'request-invalid');
  });

  it.each(['x', '', 'djE6', Buffer.from('v1:nonsense').toString('base64url')])(
    'refuses the cursor "%s"',
    async (cursor) => {
      expectProblem(await http.call('GET', `/v1/transactions?cursor=${cursor}`), 'cursor-invalid');
    },
  );

  it.each(['x', '1-1', '0-1-1', '1-1-1-1', 'A-1-1', `1-1-${'z'.repeat(11)}`, '%00', "1'--"])(
    'calls the id %s unknown, in every call',
    async (id) => {
      for (const [method, rest, body] of [
        ['GET', '', undefined],
        ['GET', '/events', undefined],
        ['POST', '/commit', {}],
        ['POST', '/rollback', {}],
        ['POST', '/branches', DEBIT],
      ] as const) {
        const response = await http.call(method, `/v1/transactions/${id}${rest}`, body);
        expectProblem(response, 'transaction-not-found');
      }
    },
  );

  it('answers an unknown path with 404 and a bad one with 400', async () => {
    expectProblem(await http.call('GET', '/v2/transactions'), 'route-not-found');
    expectProblem(await http.call('GET', '/'), 'route-not-found');
    expectProblem(await http.call('GET', '/v1/transactions/%zz'), 'request-invalid');
  });

  it('answers a wrong method with 405 and Allow, OPTIONS with 204 and Allow, HEAD like GET', async () => {
    for (const method of ['DELETE', 'PUT', 'PATCH']) {
      const response = await http.call(method, '/v1/transactions');
      expectProblem(response, 'method-not-allowed');
      expect(response.headers.get('allow')).toBe('POST, GET, HEAD, OPTIONS');
    }
    expectProblem(await http.call('GET', `/v1/transactions/${UNKNOWN_ID}/commit`), 'method-not-allowed');
    const options = await http.call('OPTIONS', '/health/live');
    expect([options.status, options.headers.get('allow'), options.text]).toEqual([204, 'GET, HEAD, OPTIONS', '']);
    expectProblem(await http.call('OPTIONS', '/nowhere'), 'route-not-found');
    const id = (await http.call('POST', '/v1/transactions', {})).json.id;
    const head = await http.call('HEAD', `/v1/transactions/${id}`);
    expect([head.status, head.text]).toEqual([200, '']);
    expect((await http.call('HEAD', `/v1/transactions/${id}/events`)).status).toBe(200);
  });

  it('answers what is not HTTP, and methods it never heard of, without a 5xx', async () => {
    for (const text of [
      'GARBAGE\r\n\r\n',
      'TRACE /v1/transactions HTTP/1.1\r\nhost: x\r\n\r\n',
      'GET /v1/transactions HTTP/1.1\r\nx: \0\r\n\r\n',
    ]) {
      expect(await rawSocket(http.port, text)).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
  });
});

function rawSocket(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // Reads only when everything is written.
    const socket = connect(port, '127.0.0.1', () => socket.write(text, () => socket.resume()));
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
      socket.end();
    });
    socket.pause();
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}
