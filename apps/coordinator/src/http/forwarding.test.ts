import { afterEach, describe, expect, it } from '@jest/globals';
import { type FastifyInstance, fastify } from 'fastify';
import type { Leadership } from '../engine/cluster-api.js';
import { forwardToLeader } from './forwarding.js';

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
  forwardToLeader(app, leadership);
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
