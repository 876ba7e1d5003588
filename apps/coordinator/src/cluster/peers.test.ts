import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Identity } from './identity.js';
import { Peers } from './peers.js';

const identity = (nodeId: number, appliedIndex: number): Identity => ({
  nodeId,
  raftId: nodeId * 100,
  address: `host-${nodeId}:1`,
  url: `http://host-${nodeId}:2`,
  initialVoters: null,
  leaderId: 100,
  appliedIndex,
  persistedIndex: 0,
  formatVersion: 2,
  observation: { listening: true, doubted: [{ participant: `seen-by-${nodeId}`, word: 'suspected', suspicion: 9 }] },
});

describe('asking the other replicas', () => {
  let peers: Peers;
  let applied = 0;
  let [asking, askingMax] = [0, 0];
  /** Addresses that do not answer, and those that take a second to say so. */
  const silent = new Set<string>();
  const addresses = new Map<number, string>();
  const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

  beforeEach(() => {
    jest.useFakeTimers();
    silent.clear();
    applied = 0;
    const clients = {
      identify: async (address: string) => {
        asking += 1;
        askingMax = Math.max(askingMax, asking);
        const answersAfterMs = silent.has(address) ? 1000 : 10;
        await new Promise((resolve) => setTimeout(resolve, answersAfterMs));
        asking -= 1;
        return silent.has(address) ? undefined : identity(Number(address.slice(5, 6)), applied);
      },
    };
    const transport = { setPeer: (id: number, address: string) => void addresses.set(id, address) };
    const asked = new Set(['host-2:1', 'host-3:1']);
    peers = new Peers(
      clients,
      transport,
      () => asked,
      () => performance.now(),
      () => applied,
    );
    peers.start();
  });

  afterEach(() => {
    peers.stop();
    jest.useRealTimers();
  });

  it('knows them by their ids, and what they hear of participants', async () => {
    await pass(600);
    expect(addresses.get(200)).toBe('host-2:1');
    expect(peers.get(300)).toMatchObject({ url: 'http://host-3:2' });
    expect(peers.observations()).toMatchObject([
      { observer: 200, nodeId: 2, ageMs: 100, observation: { doubted: [{ participant: 'seen-by-2' }] } },
      { observer: 300, nodeId: 3, ageMs: 100, observation: { doubted: [{ participant: 'seen-by-3' }] } },
    ]);
    expect([peers.lagMs(200), peers.lastContactMs(200), peers.lagMs(900), peers.suspicion(900)]).toEqual([
      0,
      90,
      undefined,
      undefined,
    ]);
  });

  it('suspects the one that is silent and keeps asking the others as often', async () => {
    await pass(30_000);
    expect(peers.suspicion(200)).toBeLessThan(1);
    silent.add('host-2:1');
    await pass(10_000);
    expect(peers.suspicion(200)).toBeGreaterThan(8);
    expect(askingMax).toBe(2); // each at most once at a time
    expect(peers.lastContactMs(200)).toBeGreaterThan(9_000);
    expect(peers.observations().map(({ ageMs }) => ageMs < 600)).toEqual([false, true]);
    expect(peers.suspicion(300)).toBeLessThan(1);
    silent.clear();
    await pass(1_600);
    expect(peers.suspicion(200)).toBeLessThan(1);
  });

  it('says how long one has been behind', async () => {
    await pass(1_000);
    const answered = peers.get(200);
    applied = 50;
    silent.add('host-2:1');
    await pass(5_000);
    expect(peers.get(200)).toBe(answered);
    expect(peers.lagMs(200)).toBeGreaterThanOrEqual(5_000);
    expect(peers.lagMs(300)).toBe(0);
  });
});
