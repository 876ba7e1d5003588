import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { keepReplicas, peersOf, readReplicas, writeReplicas } from './replica-addresses.mjs';

describe('the addresses of replicas', () => {
  let directory;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'concordat-replicas-'));
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('are chosen once and kept from then on', async () => {
    expect(await readReplicas(directory)).toEqual([]);
    const first = await keepReplicas(directory, 1);
    const three = await keepReplicas(directory, 3);
    expect(three[0]).toEqual(first[0]);
    expect(new Set(three.map(({ raftPort }) => raftPort)).size).toBe(3);
    expect(await keepReplicas(directory, 3)).toEqual(three);
  });

  it('may name something between the replicas', async () => {
    await writeReplicas(directory, [{ id: 1, raftPort: 4001, address: 'proxy:5001' }]);
    const replicas = await keepReplicas(directory, 2);
    expect(peersOf(replicas)).toBe(`1=proxy:5001,2=127.0.0.1:${replicas[1].raftPort}`);
  });
});
