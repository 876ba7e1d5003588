import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { call } from './product/api.mjs';
import { quiet, verifyTransfers } from './product/checks.mjs';
import { rollingUpdate } from './product/kubelet.mjs';
import { startPods } from './product/pods.mjs';
import { eventually } from './product/product.mjs';
import { openAccounts, TransferLoops } from './product/transfers.mjs';

const CLIENTS = 6;

type Call = { at: string; answer?: Awaited<ReturnType<typeof call>> };

/** What a client that follows Retry-After may be told on the way. */
const isGood = ({ answer }: Call): boolean =>
  answer !== undefined &&
  (answer.status === 200 ||
    (answer.status === 409 && answer.body.retryable) ||
    (answer.status === 503 && answer.headers.get('retry-after') !== null));

describe('the coordinators of the chart, run as Kubernetes runs them', () => {
  let cluster: Awaited<ReturnType<typeof startPods>>;
  let accounts: { participant: string; account: string }[];

  beforeAll(async () => {
    cluster = await startPods('concordat.default');
    await eventually(async () => {
      const { body } = await call(`${cluster.url}/v1/participants`);
      return body.items.length === 3;
    }, 'the participants to be known');
    accounts = await openAccounts(cluster.url, 20);
  }, 400_000);

  afterAll(async () => {
    await cluster?.stop();
  }, 120_000);

  // A pod that was just removed refuses, retryable, until the Service has heard that it is not ready.
  const members = () =>
    eventually(async () => (await call(`${cluster.service()}/v1/cluster`)).body.members, 'the members to be told');
  const violationsOfPods = () => cluster.pods.flatMap(({ violations }: { violations: string[] }) => violations);

  /** The work goes on all the while; no call may fail. */
  async function underLoad(action: () => Promise<unknown>) {
    const failed: string[] = [];
    const loops = new TransferLoops(cluster.service, accounts, CLIENTS, {
      onCall: (one: Call) => {
        if (!isGood(one)) failed.push(`${one.at}: ${one.answer?.status} ${JSON.stringify(one.answer?.body)}`);
      },
    });
    const outcome = await action();
    await loops.stop();
    await quiet({ url: cluster.service(), run: cluster.run }, 20_000);
    const result = await verifyTransfers(cluster, accounts, loops.answers);
    return { failed, outcome, result };
  }

  it('updates one pod after the other under load, and no call fails that a client could not repeat', async () => {
    const { failed, result } = await underLoad(() => rollingUpdate(cluster.pods, cluster.set.spec.minReadySeconds));
    expect(failed).toEqual([]);
    expect(violationsOfPods()).toEqual([]);
    expect(result).toMatchObject({ violations: [] });
    expect(result.committed).toBeGreaterThan(0);
  }, 300_000);

  it('scales in and out again: the hook removes the member first, an empty disk joins as a new one', async () => {
    const third = cluster.pods[2] as (typeof cluster.pods)[number];
    const idOfThird = async () => (await members()).find(({ nodeId }: { nodeId: number }) => nodeId === 3)?.id;
    const before = await idOfThird();
    const { failed, result } = await underLoad(async () => {
      const hook = spawnSync(process.execPath, ['deploy/helm/concordat/files/remove-members.mjs'], {
        env: {
          ...process.env,
          CONCORDAT_URL: cluster.url,
          REPLICAS: '2',
          TIMEOUT_MS: '30000',
          API_KEY_FILE: cluster.keys.adminFile,
        },
        encoding: 'utf8',
      });
      expect([hook.status, hook.stderr]).toEqual([0, '']);
      expect((await members()).map(({ nodeId }: { nodeId: number }) => nodeId).sort()).toEqual([1, 2]);
      await third.terminate();
      await cluster.wipe(third);
      await third.start();
      await third.untilReady();
      await eventually(async () => {
        const roles = (await members()).map(({ role }: { role: string }) => role).sort();
        return roles.join() === 'follower,follower,leader';
      }, 'the new member to vote');
    });
    expect(await idOfThird()).not.toBe(before);
    expect(failed).toEqual([]);
    expect(violationsOfPods()).toEqual([]);
    expect(result).toMatchObject({ violations: [] });
  }, 300_000);
});
