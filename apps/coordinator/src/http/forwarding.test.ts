import { request } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type FastifyInstance, fastify } from 'fastify';
import { expectProblem } from '../../test/expect-problem.js';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { LoneCluster, startHttp } from '../../test/http-harness.js';
import type { Leadership } from '../engine/cluster-api.js';
import { forwardToLeader } from './forwarding.js';
import { RefusalPace } from './refusal-pace.js';

const open: FastifyInstance[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

/** A replica that begins transactions as `begin` says. */
async function replica(begin: (key: unknown) => Promise<object>): Promise<string> {
  const app = fastify({ forceCloseConnections: true });
  open.push(app);
  app.post('/v1/transactions', (request) => begin(request.headers['idempotency-key']));
  return app.listen({ port: 0, host: '127.0.0.1' });
}

async function follower(leadership: Leadership): Promise<string> {
  const app = fastify();
  open.push(app);
  forwardToLeader(app, new RefusalPace(), leadership);
  app.post('/v1/transactions', () => ({ own: true }));
  return app.listen({ port: 0, host: '127.0.0.1' });
}

const STANDING = { appliedIndex: 1, removed: false, electionTimeoutMsMax: 200 };

const begin = (url: string) =>
  fetch(`${url}/v1/transactions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"commit":true}',
  });

describe('handing calls on', () => {
  it('D8: gives up a leader that answers nothing when it leads no more, and asks the next one under the same key', async () => {
    const keys: unknown[] = [];
    let heard: () => void = () => undefined;
    const isHeard = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const paused = await replica((key) => {
      keys.push(key);
      heard();
      return new Promise(() => undefined);
    });
    const next = await replica(async (key) => ({ key: keys.push(key) }));
    const leadership = { leads: false, leaderUrl: paused as string | undefined, ...STANDING };
    const call = begin(await follower(leadership));
    await isHeard;
    leadership.leaderUrl = undefined; // an election
    await new Promise((resolve) => setTimeout(resolve, 100));
    leadership.leaderUrl = next;
    expect((await call).status).toBe(200);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });
});

describe('every answer', () => {
  it('names the leader and what is applied here, also where the leader answers itself', async () => {
    const leads = Object.assign(new LoneCluster(), { ownUrl: 'http://127.0.0.1:2' });
    const follows = Object.assign(new LoneCluster(), { leads: false, leaderUrl: 'http://127.0.0.1:2' });
    for (const cluster of [leads, follows]) {
      const http = await startHttp(new FakeCoordinator(), cluster);
      const { headers } = await http.call('GET', '/v1/participants');
      expect(headers.get('x-concordat-leader')).toBe('http://127.0.0.1:2');
      expect(headers.get('x-concordat-applied-index')).toBe('7');
      await http.close();
    }
  });
});

describe('a replica without a leader', () => {
  /** Far below the wait for a leader that other calls have. */
  const soon = () => AbortSignal.timeout(5_000);

  it('refuses a linearizable read of the cluster soon, retryable, and answers a stale one', async () => {
    const cluster = new LoneCluster();
    cluster.leads = false;
    const http = await startHttp(new FakeCoordinator(), cluster);
    const refused = await http.raw('/v1/cluster', { signal: soon() });
    expect(expectProblem(refused, 'not-ready')).toMatchObject({ retryable: true });
    expect((await http.call('GET', '/v1/cluster?consistency=stale')).json.leader).toBe(42);
    await http.close();
  });

  it('hands nothing on once it was removed, whoever leads', async () => {
    const cluster = Object.assign(new LoneCluster(), { leads: false, removed: true, leaderUrl: 'http://127.0.0.1:9' });
    const http = await startHttp(new FakeCoordinator(), cluster);
    const refused = await http.raw('/v1/transactions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
      signal: soon(),
    });
    expect(expectProblem(refused, 'not-ready').detail).toContain('removed');
    await http.close();
  });
});

describe('a replica that follows', () => {
  it('hands on leases, releases and operations that run at once, and answers statuses and reads of leases itself', async () => {
    const [leading, following] = [new FakeCoordinator(), new FakeCoordinator()];
    const leader = await startHttp(leading);
    const http = await startHttp(following, Object.assign(new LoneCluster(), { leads: false, leaderUrl: leader.url }));
    const leased = await http.call('POST', '/v1/snapshots', { ttlMs: 1000 });
    expect(leased.status).toBe(201);
    expect(leased.headers.get('location')).toBe(`/v1/snapshots/${leased.json.id}`);
    const lease = leading.leases.get(leased.json.id as string);
    following.leases.set(lease?.id ?? '', lease as never);
    expect((await http.call('GET', `/v1/snapshots/${lease?.id}`)).json).toEqual(leased.json);
    const released = await http.call('DELETE', `/v1/snapshots/${lease?.id}`);
    expect([released.status, released.text]).toEqual([204, '']);
    expect(leading.leases.size).toBe(0);

    const csn = leading.appliedCsn;
    following.appliedCsn = 0; // far behind: what is handed on waits at the leader
    const begun = await http.call('POST', '/v1/transactions', {}, { 'x-concordat-min-csn': String(csn) });
    expect(begun.status).toBe(201);
    const branch = { participant: 'accounts-east', operation: 'debit', input: {} };
    const executed = await http.call('POST', `/v1/transactions/${begun.json.id}/branches?execute=now`, branch);
    expect(executed.json).toMatchObject({ result: { ran: 'debit' } });
    expect(leading.calls.map(({ method }) => method)).toEqual(['lease', 'reach', 'begin', 'execute', 'enlist']);

    const transactionIds = [begun.json.id];
    expect((await http.call('POST', '/v1/statuses', { transactionIds })).json).toMatchObject({
      appliedCsn: 0,
      statuses: [{ status: 'unknown' }],
    });
    expect(following.calls.map(({ method }) => method)).toEqual(['statuses', 'reach']);
    await http.close();
    await leader.close();
  });

  it('hands on all of locks but stale reads and events, makes a key for an acquire, and tells the leader who has gone', async () => {
    const [leading, following] = [new FakeCoordinator(), new FakeCoordinator()];
    const leader = await startHttp(leading);
    const http = await startHttp(following, Object.assign(new LoneCluster(), { leads: false, leaderUrl: leader.url }));
    const body = { owner: 'o', ttlMs: 1_000 };
    const { fencingToken } = (await http.call('POST', '/v1/locks/a/acquire', body)).json;
    expect(leading.locks.calls[0]?.args[1]).toMatchObject({ key: expect.stringContaining('forwarded-') });
    expect((await http.call('GET', '/v1/locks/a')).json).toMatchObject({ holders: [{ fencingToken }] });
    expect((await http.call('GET', '/v1/locks/a?consistency=stale')).json).toMatchObject({ holders: [] });
    expect((await http.call('HEAD', '/v1/locks/a/events')).status).toBe(200);
    expect((await http.call('POST', '/v1/locks/a/release', { fencingToken })).status).toBe(204);
    expect(following.locks.calls.map(({ method }) => method)).toEqual(['read']);

    leading.locks.gate = new Promise(() => undefined);
    leading.locks.signal = undefined;
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, agent: false };
    const call = request(`${http.url}/v1/locks/b/acquire`, init).on('error', () => undefined);
    call.end(JSON.stringify(body));
    while (!leading.locks.signal) await new Promise((resolve) => setTimeout(resolve, 10));
    const { signal } = leading.locks as { signal: AbortSignal };
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    call.destroy();
    await aborted;
    await http.close();
    await leader.close();
  });
});
