import { afterEach, describe, expect, it } from '@jest/globals';
import { type Behaviour, FakeReplica, json, problem } from '../test/fake-replica.js';
import { ConcordatClient } from './client.js';
import type { InDoubt } from './generated/api.js';

const replicas: FakeReplica[] = [];
afterEach(async () => {
  await Promise.all(replicas.splice(0).map((replica) => replica.die()));
});

/** A client of replicas that behave like this; it asks them in their order. */
async function clientOf(...behaviours: Behaviour[]) {
  const servers = await Promise.all(behaviours.map((behave) => new FakeReplica(behave).start()));
  replicas.push(...servers);
  const client = new ConcordatClient({
    urls: servers.map(({ url }) => url),
    policy: { pick: ([first]) => first as never },
    backoff: { baseMs: 5, maxMs: 20 },
    headers: { authorization: 'Bearer x' },
  });
  return { client, servers };
}

const answers: Behaviour = (_heard, response) =>
  json(response, 200, { total: 3 }, { 'x-concordat-leader': 'http://a' });
const breaks: Behaviour = (_heard, response) => void response.destroy();
const refuses =
  (status: number, code: string): Behaviour =>
  (_heard, response) =>
    problem(response, status, code);
const transfer = { method: 'POST', path: '/v1/cluster/transfer', body: { to: 72 } } as const;

describe('a request of the caller’s own', () => {
  it('brings status, headers and body of the answer, from whichever replica gives one', async () => {
    const { client, servers } = await clientOf(refuses(503, 'not-ready'), answers);
    const query = { limit: 1, cause: undefined, participant: 'a b' };
    const { status, headers, body } = await client.request<InDoubt>({ path: '/v1/in-doubt', query });
    expect([status, headers.get('x-concordat-leader'), body.total]).toEqual([200, 'http://a', 3]);
    const [, second] = servers;
    expect(second?.heard).toMatchObject([
      { method: 'GET', path: '/v1/in-doubt?limit=1&participant=a+b', headers: { authorization: 'Bearer x' } },
    ]);
  });

  it('sends its body as JSON, and its key under which it may be repeated', async () => {
    const { client, servers } = await clientOf(breaks, answers);
    await client.request({ ...transfer, idempotencyKey: 'k' });
    for (const { heard } of servers) {
      expect(heard).toMatchObject([{ method: 'POST', body: { to: 72 }, headers: { 'idempotency-key': 'k' } }]);
    }
  });

  it('is not sent again, unless it is said to do no harm, where it may have been carried out', async () => {
    const { client, servers } = await clientOf(breaks, answers);
    await expect(client.request(transfer)).rejects.toMatchObject({
      name: 'OutcomeUnknownError',
      cause: { code: 'connection-lost' },
    });
    expect(servers.map(({ heard }) => heard.length)).toEqual([1, 0]);
    expect(await client.request({ ...transfer, repeatable: true })).toMatchObject({ status: 200 });
  });

  it('is sent again where it was surely not carried out', async () => {
    const { client } = await clientOf(refuses(503, 'stopping'), answers);
    expect(await client.request(transfer)).toMatchObject({ status: 200 });
  });

  it('after a lost attempt takes only an outcome for an answer, and names the transaction of the path', async () => {
    const path = '/v1/transactions/a-1%2F5/rollback';
    const rollback = { method: 'POST', path, repeatable: true } as const;
    const gone = await clientOf(breaks, refuses(410, 'transaction-gone'));
    await expect(gone.client.request(rollback)).rejects.toMatchObject({
      name: 'OutcomeUnknownError',
      transactionId: 'a-1/5',
    });
    const committed = await clientOf(breaks, refuses(409, 'transaction-committed'));
    await expect(committed.client.request(rollback)).rejects.toMatchObject({ code: 'transaction-committed' });
  });

  it('that reads is never of unknown outcome: it ends with the refusal, or at its deadline with what a replica said', async () => {
    const { client } = await clientOf(breaks, refuses(404, 'audit-not-found'));
    await expect(client.request({ path: '/v1/audits/x' })).rejects.toMatchObject({
      code: 'audit-not-found',
      status: 404,
    });
    const { client: waiting } = await clientOf((heard, response, request) => {
      if (replicas.at(-1)?.heard.length === 1) return refuses(503, 'kafka-unavailable')(heard, response, request);
      return undefined; // the further attempts are cut short
    });
    await expect(waiting.request({ path: '/v1/audits', timeoutMs: 300 })).rejects.toMatchObject({
      code: 'deadline-exceeded',
      cause: { code: 'kafka-unavailable' },
    });
  });

  it('gives what may not be repeated all the time there is', async () => {
    const { client } = await clientOf((_heard, response) => {
      setTimeout(() => json(response, 200, {}), 1_400); // a repeatable one is cut short after a second
    });
    expect(await client.request({ ...transfer, timeoutMs: 60_000 })).toMatchObject({ status: 200 });
  });

  it('goes to no other host, whatever its path says', async () => {
    const { client } = await clientOf(answers);
    await expect(client.request({ path: '@other.example/' })).rejects.toMatchObject({ code: 'misuse' });
  });
});
