import { describe, expect, it } from '@jest/globals';
import { runClusterFaults } from './product/cluster-faults.mjs';

/** What a cluster has that a single coordinator has not; the rest is for `npm run test:cluster`. */
const FAULTS = ['kill the leader', 'pause the leader', 'cut off the leader', 'make the leader deaf', 'kill a follower'];

describe('three replicas under load, killed, paused and cut from each other', () => {
  it('lose no acknowledged commit, leave nothing half done, and answer in one order that explains it all', async () => {
    const result = await runClusterFaults({
      durationMs: Number(process.env.CLUSTER_MS ?? 25_000),
      clients: 8,
      seed: Number(process.env.CLUSTER_SEED ?? 7),
      faults: FAULTS,
    });
    expect(result).toMatchObject({ violations: [] });
    expect(result.committed).toBeGreaterThan(0);
    expect(result.linearizable.operations).toBeGreaterThan(result.linearizable.histories);
  }, 600_000);
});
