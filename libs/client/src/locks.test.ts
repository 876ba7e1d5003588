// What `client.locks` asks of the coordinator, and what it makes of the answers.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Behaviour, FakeReplica, type Heard, json, problem } from '../test/fake-replica.js';
import { ConcordatClient } from './client.js';
import { ConcordatError } from './errors.js';

const granted = (more: object = {}) => ({
  ...{ name: 'a', mode: 'exclusive', owner: 'o', fencingToken: 7, sequencer: '7.x.a', session: null },
  ...{ ttlMs: 60_000, ttlRemainingMs: 59_990, waitedMs: 1, renewals: 0, grantedAt: '' },
  ...more,
});

describe('client.locks', () => {
  let replica: FakeReplica;
  let client: ConcordatClient;
  let before: Behaviour | undefined;
  const paths = () => replica.heard.map(({ method, path }) => `${method} ${path.replace('/v1/', '')}`);
  beforeEach(async () => {
    before = undefined;
    replica = await new FakeReplica(async (heard, response, request) => {
      await before?.(heard, response, request);
      if (response.writableEnded || response.destroyed) return;
      if (heard.path.endsWith('/release') || heard.method === 'DELETE') return void response.writeHead(204).end();
      if (heard.path === '/v1/lock-sessions') return json(response, 201, granted({ id: 'ls-1' }));
      json(response, 200, granted());
    }).start();
    client = new ConcordatClient({ urls: [replica.url], backoff: { baseMs: 5, maxMs: 10 }, timeoutMs: 20_000 });
  });
  afterEach(() => replica.die());

  it('acquires, does the work, releases, and gives back what the work returned', async () => {
    const result = await client.locks.withLock('a', { owner: 'o', ttlMs: 60_000, waitMs: 500 }, async (lock) => {
      expect(lock).toMatchObject({ name: 'a', fencingToken: 7, sequencer: '7.x.a' });
      expect(lock.remainingMs).toBeGreaterThan(0);
      return 'done';
    });
    expect(result).toBe('done');
    expect(paths()).toEqual(['POST locks/a/acquire', 'POST locks/a/release']);
    const { waitMs, ...rest } = (replica.heard[0] as Heard).body as { readonly waitMs: number };
    expect(rest).toEqual({ owner: 'o', ttlMs: 60_000 });
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(500); // what is left of it
    expect(replica.heard[1]?.body).toEqual({ fencingToken: 7 });
  });

  it('releases when the work throws, and throws the same', async () => {
    const own = new Error('changed my mind');
    const work = client.locks.withLock('a', {}, () => Promise.reject(own));
    await expect(work).rejects.toBe(own);
    expect(paths()).toEqual(['POST locks/a/acquire', 'POST locks/a/release']);
  });

  it('renews while the work goes on, and tells the work when the lock is lost', async () => {
    before = ({ path }, response) => {
      if (path.endsWith('/renew') && replica.heard.length > 4) problem(response, 409, 'lock-not-held');
      else if (!path.endsWith('/release')) json(response, 200, granted({ ttlMs: 90 }));
    };
    let reason: unknown;
    const work = client.locks.withLock('a', {}, async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      reason = signal.reason;
    });
    await expect(work).rejects.toBeInstanceOf(ConcordatError);
    expect(reason).toMatchObject({ code: 'lock-not-held' });
    expect(paths().filter((path) => path.endsWith('renew')).length).toBeGreaterThan(1);
  });

  it('asks again under the same key when an answer was lost', async () => {
    before = (_heard, response) => {
      if (replica.heard.length === 1) response.destroy();
    };
    await (await client.locks.acquire('a')).release();
    const keys = replica.heard.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(3);
    expect([keys[0], typeof keys[0]]).toEqual([keys[1], 'string']);
  });

  it('tells who holds a lock that it did not get', async () => {
    before = (_heard, response) => problem(response, 409, 'lock-held', { owner: 'other', retryable: true });
    await expect(client.locks.acquire('a')).rejects.toMatchObject({
      ...{ code: 'lock-held', retryable: true },
      problem: { owner: 'other' },
    });
    expect(replica.heard).toHaveLength(1);
  });

  it('keeps what a session holds by the session, and releases all of it at its end', async () => {
    const session = await client.locks.openSession({ owner: 'o', ttlMs: 60_000 });
    const lock = await session.acquire('a', { mode: 'shared' });
    expect(replica.heard[1]?.body).toEqual({ session: 'ls-1', waitMs: 0, mode: 'shared' });
    expect(lock.signal).toBe(session.signal);
    await session.end();
    expect(paths().at(-1)).toBe('DELETE lock-sessions/ls-1');
  });

  it('checks a sequencer by what the coordinator says now', async () => {
    before = (_heard, response) => json(response, 200, { name: 'a', holders: [granted()] });
    expect(await client.locks.check('7.x.a')).toBe(true);
    expect(await client.locks.check('6.x.a')).toBe(false);
    await expect(client.locks.check('nonsense')).rejects.toMatchObject({ code: 'misuse' });
  });
});
