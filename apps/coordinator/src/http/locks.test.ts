import { once } from 'node:events';
import { get, type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectProblem } from '../../test/expect-problem.js';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { FakeLocks } from '../../test/fake-locks.js';
import { type HttpHarness, startHttp } from '../../test/http-harness.js';
import {
  grantedLockSchema,
  grantedSessionSchema,
  LOCK_TTL_MS_MAX,
  LOCK_WAIT_MS_MAX,
  lockListSchema,
  lockSchema,
  lockSessionSchema,
} from './locks-schemas.js';

const ACQUIRE = { owner: 'worker-1', ttlMs: 10_000 };

describe('locks over REST', () => {
  const api = new FakeCoordinator();
  let locks: FakeLocks;
  let http: HttpHarness;
  beforeAll(async () => {
    http = await startHttp(api);
  });
  afterAll(() => http.close());
  beforeEach(() => {
    locks = new FakeLocks();
    Object.assign(api, { locks });
  });

  it('acquires, renews, shows and releases one', async () => {
    const acquired = await http.call('POST', '/v1/locks/orders:42/acquire', ACQUIRE);
    expect(acquired.status).toBe(200);
    const { fencingToken, sequencer, ...lock } = grantedLockSchema.parse(acquired.json);
    expect(lock).toMatchObject({ name: 'orders:42', mode: 'exclusive', owner: 'worker-1', session: null });
    expect(sequencer).toBe(`${fencingToken}.x.orders:42`);
    expect(lock.ttlRemainingMs).toBeLessThanOrEqual(10_000);
    const renewed = await http.call('POST', '/v1/locks/orders:42/renew', { fencingToken });
    expect(grantedLockSchema.parse(renewed.json)).toMatchObject({ fencingToken, renewals: 1 });
    const seen = await http.call('GET', '/v1/locks/orders:42?consistency=stale');
    expect(lockSchema.parse(seen.json)).toMatchObject({ mode: 'exclusive', waiting: 0, holders: [{ fencingToken }] });
    expect(locks.calls.at(-1)).toEqual({ method: 'read', args: ['orders:42', 'stale'] });
    const released = await http.call('POST', '/v1/locks/orders:42/release', { fencingToken });
    expect([released.status, released.text]).toEqual([204, '']);
    expectProblem(await http.call('POST', '/v1/locks/orders:42/release', { fencingToken }), 'lock-not-held');
    expect((await http.call('GET', '/v1/locks/orders:42')).json).toMatchObject({ mode: null, holders: [] });
  });

  it('refuses what is held, with its owner and the time to come back', async () => {
    await http.call('POST', '/v1/locks/a/acquire', ACQUIRE);
    const refused = await http.call('POST', '/v1/locks/a/acquire', { ...ACQUIRE, waitMs: 0 });
    expectProblem(refused, 'lock-held');
    expect(refused.json).toMatchObject({ owner: 'worker-1', lock: 'a', retryable: true });
    expect(refused.headers.get('retry-after')).toBe('2');
  });

  it('passes on key, mode and wait', async () => {
    const body = { ...ACQUIRE, mode: 'shared', waitMs: 250 };
    await http.call('POST', '/v1/locks/a/acquire', body, { 'idempotency-key': 'k-1' });
    const [asked, call] = locks.calls[0]?.args ?? [];
    expect(asked).toEqual({ name: 'a', ...body });
    expect(call).toEqual({ caller: 'anonymous', key: 'k-1' });
  });

  it('opens a session, keeps it, shows what it holds, and ends it', async () => {
    const opened = await http.call('POST', '/v1/lock-sessions', ACQUIRE);
    expect(opened.status).toBe(201);
    const { id } = grantedSessionSchema.parse(opened.json);
    expect(opened.headers.get('location')).toBe(`/v1/lock-sessions/${id}`);
    const acquired = await http.call('POST', '/v1/locks/a/acquire', { session: id });
    expect(acquired.json).toMatchObject({ session: id, owner: 'worker-1', ttlMs: 10_000 });
    expect((await http.call('POST', `/v1/lock-sessions/${id}/renew`)).json).toMatchObject({ id, renewals: 1 });
    const seen = lockSessionSchema.parse((await http.call('GET', `/v1/lock-sessions/${id}`)).json);
    expect(seen.locks).toEqual([{ name: 'a', mode: 'exclusive', fencingToken: acquired.json.fencingToken }]);
    expect((await http.call('DELETE', `/v1/lock-sessions/${id}`)).status).toBe(204);
    expectProblem(await http.call('GET', `/v1/lock-sessions/${id}`), 'lock-session-not-found');
    expectProblem(await http.call('POST', '/v1/lock-sessions/x/renew'), 'lock-session-not-found');
    expect((await http.call('GET', '/v1/locks/a')).json).toMatchObject({ holders: [] });
  });

  it.each([
    undefined,
    {},
    { owner: 'o' },
    { ttlMs: 1_000 },
    { ...ACQUIRE, session: 'ls-1' },
    { owner: 'o', session: 'ls-1' },
    { session: 'x' },
    { ...ACQUIRE, owner: '' },
    { ...ACQUIRE, owner: 'o'.repeat(201) },
    { ...ACQUIRE, owner: 'a\nb' },
    { ...ACQUIRE, ttlMs: 0 },
    { ...ACQUIRE, ttlMs: LOCK_TTL_MS_MAX + 1 },
    { ...ACQUIRE, waitMs: -1 },
    { ...ACQUIRE, waitMs: LOCK_WAIT_MS_MAX + 1 },
    { ...ACQUIRE, mode: 'read' },
    { ...ACQUIRE, more: 1 },
  ])('acquires nothing for %.60j', async (body) => {
    expectProblem(await http.call('POST', '/v1/locks/a/acquire', body), 'request-invalid');
    expect(locks.calls).toEqual([]);
  });

  it.each(['-a', '%20', 'a%2Fb', 'a'.repeat(201), 'ä'])('has no lock called %.20s', async (name) => {
    expectProblem(await http.call('GET', `/v1/locks/${encodeURI(decodeURI(name))}`), 'request-invalid');
  });

  it.each([{}, { fencingToken: 0 }, { fencingToken: '7' }, { fencingToken: 2 ** 53 }])(
    'renews nothing by %j',
    async (body) => {
      for (const verb of ['renew', 'release'])
        expectProblem(await http.call('POST', `/v1/locks/a/${verb}`, body), 'request-invalid');
    },
  );

  it('lists what is held, page by page', async () => {
    for (const name of ['c', 'a', 'b']) await http.call('POST', `/v1/locks/${name}/acquire`, ACQUIRE);
    const first = lockListSchema.parse((await http.call('GET', '/v1/locks?limit=2')).json);
    expect(first.items.map(({ name }) => name)).toEqual(['a', 'b']);
    const second = lockListSchema.parse((await http.call('GET', `/v1/locks?limit=2&cursor=${first.nextCursor}`)).json);
    expect([second.items.map(({ name }) => name), second.nextCursor]).toEqual([['c'], null]);
    expectProblem(await http.call('GET', '/v1/locks?cursor=abc'), 'cursor-invalid');
  });

  it('tells what happens to a lock as server-sent events, until the client has enough', async () => {
    const call = get(`${http.url}/v1/locks/a/events`, { agent: false });
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    expect(response.headers['content-type']).toContain('text/event-stream');
    await http.call('POST', '/v1/locks/a/acquire', ACQUIRE);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk;
      if (text.includes('worker-1')) break;
    }
    const events = text.split('\n\n').filter((event) => event.startsWith('event: lock\n'));
    const owners = events.map((event) =>
      JSON.parse(event.split('data: ')[1] ?? '').holders.map((one: { owner: string }) => one.owner),
    );
    expect(owners).toEqual([[], ['worker-1']]);
    call.destroy();
    while (locks.listeners.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it('tells the engine when the connection of a waiting call has ended', async () => {
    locks.gate = new Promise(() => undefined);
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, agent: false };
    const call = request(`${http.url}/v1/locks/a/acquire`, init).on('error', () => undefined);
    call.end(JSON.stringify({ ...ACQUIRE, waitMs: 5_000 }));
    while (locks.signal === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    const { signal } = locks;
    expect(signal.aborted).toBe(false);
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    call.destroy();
    await aborted;
  });
});
