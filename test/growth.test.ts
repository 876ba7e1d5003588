import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from './product/product.mjs';
import { peersOf, prepareReplicas, type Replica } from './product/replicas.mjs';

const ELECTION_TIMEOUT_MS = 1000;

describe('a single replica that becomes a cluster of three', () => {
  let place: Awaited<ReturnType<typeof prepareReplicas>>;
  let bank: string;
  let before: string[];
  const one = () => place.replicas[0] as Replica;
  const two = () => place.replicas[1] as Replica;
  const three = () => place.replicas[2] as Replica;
  const startAmong = (replica: Replica) =>
    replica.start({ PEERS: peersOf(place.replicas), ELECTION_TIMEOUT_MS: String(ELECTION_TIMEOUT_MS) });

  beforeAll(async () => {
    place = await prepareReplicas(3);
    await one().start();
    await one().ready();
    bank = await place.startBank();
    before = [];
    for (let i = 0; i < 10; i += 1) before.push((await one().open(bank)).id);
    await one().stop();
  }, 120_000);

  afterAll(() => place?.stop(), 60_000);

  it('takes the new ones in as learners, promotes them, and gives them all that it knew', async () => {
    await Promise.all(place.replicas.map(startAmong));
    const roles = async () => {
      const { body } = await three().call('/v1/cluster');
      return body.members?.map(({ nodeId, role }: { nodeId: number; role: string }) => `${nodeId} ${role}`).sort();
    };
    await eventually(async () => String(await roles()) === '1 leader,2 follower,3 follower', 'three voters');
    await Promise.all(place.replicas.map((replica) => replica.ready()));
    for (const id of before) {
      const { status, body } = await three().call(`/v1/transactions/${id}`);
      expect({ status, id: body.id, csn: body.csn }).toEqual({ status: 200, id, csn: expect.any(Number) });
    }
    await three().open(bank);
  }, 60_000);

  it('goes on when the one that was alone is killed', async () => {
    await one().kill();
    expect((await two().open(bank)).csn).toBeGreaterThan(0);
  }, 60_000);

  it('shows what the last one knows at once, and refuses what it cannot confirm, when there is no majority', async () => {
    await two().kill();
    const stale = () => three().call('/v1/cluster?consistency=stale');
    const view = await eventually(async () => {
      const { status, body } = await stale();
      return status === 200 && body.leader === null && body;
    }, 'the last replica to know of no leader');
    expect(view.members).toHaveLength(3);
    const refused = await three().call('/v1/cluster', { timeoutMs: 5 * ELECTION_TIMEOUT_MS });
    expect({ status: refused.status, ...refused.body }).toMatchObject({
      status: 503,
      code: 'not-ready',
      retryable: true,
    });
    expect(refused.headers.get('retry-after')).not.toBeNull();
    await eventually(async () => (await three().call('/health/ready')).status === 503, 'it to be not ready');
    expect((await three().call('/health/live')).status).toBe(200);
  }, 60_000);

  it('tells a removed member so, which then is alive, not ready, and hands nothing on', async () => {
    await Promise.all([startAmong(one()), startAmong(two())]);
    await Promise.all(place.replicas.map((replica) => replica.ready()));
    const { body } = await one().call('/v1/cluster');
    const gone = body.members.find(({ role }: { role: string }) => role === 'follower');
    const replica = place.replicas[gone.nodeId - 1] as Replica;
    const other = place.replicas.find((candidate) => candidate !== replica) as Replica;
    await replica.kill(); // so that it cannot hear of it
    expect((await other.call(`/v1/cluster/members/${gone.id}`, { method: 'DELETE' })).status).toBe(200);
    await startAmong(replica);
    const { detail } = await eventually(async () => {
      const { status, body: problem } = await replica.call('/health/ready');
      return status === 503 && /removed/.test(problem.detail) && problem;
    }, 'the removed one to say so');
    expect(detail).toContain('joins anew');
    expect((await replica.call('/health/live')).status).toBe(200);
    const options = { method: 'POST', body: {}, timeoutMs: 5 * ELECTION_TIMEOUT_MS };
    expect((await replica.call('/v1/transactions', options)).body).toMatchObject({
      code: 'not-ready',
      detail: expect.stringContaining('removed'),
    });
    expect((await other.open(bank)).csn).toBeGreaterThan(0);
  }, 60_000);
});
