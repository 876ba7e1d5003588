import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PeerClients } from '../apps/coordinator/src/cluster/peer-service.js';
import { createAuthority } from './product/certificates.mjs';
import { peersOf, prepareReplicas, type Replica } from './product/replicas.mjs';

describe('three replicas that speak mutual TLS', () => {
  let place: Awaited<ReturnType<typeof prepareReplicas>>;
  let authority: Awaited<ReturnType<typeof createAuthority>>;
  const replica = (nodeId: number) => place.replicas[nodeId - 1] as Replica;

  beforeAll(async () => {
    place = await prepareReplicas(3);
    authority = await createAuthority(place.directory, 'house');
    for (const one of place.replicas) {
      const files = await authority.issue(`replica-${one.id}`);
      await one.start({ PEERS: peersOf(place.replicas), ...files });
    }
    await Promise.all(place.replicas.map((one) => one.ready()));
  }, 120_000);

  afterAll(() => place?.stop(), 60_000);

  it('form a cluster and commit what a follower is given', async () => {
    const { body } = await replica(1).call('/v1/cluster');
    expect(body.members).toHaveLength(3);
    const { nodeId } = body.members.find(({ role }: { role: string }) => role === 'follower');
    const bank = await place.startBank();
    expect((await replica(nodeId).open(bank)).csn).toBeGreaterThan(0);
  }, 60_000);

  it('say nothing to a peer without a certificate, or with one of another authority', async () => {
    const stranger = await (await createAuthority(place.directory, 'elsewhere')).issue('stranger');
    const house = (await authority.issue('guest')).TLS_CA_FILE;
    expect((await identified(await authority.issue('guest')))?.nodeId).toBe(1);
    expect(await identified(undefined)).toBeUndefined();
    // It trusts the replica, so that the refusal is the replica's.
    expect(await identified({ ...stranger, TLS_CA_FILE: house })).toBeUndefined();
  }, 30_000);

  it('go on when certificates, and then their authority, are replaced in the files, without a restart', async () => {
    const young = await createAuthority(place.directory, 'young');
    const files = await Promise.all(place.replicas.map(({ id }) => authority.issue(`replica-${id}`)));
    const next = await Promise.all(place.replicas.map(({ id }) => young.issue(`replica-${id}`)));
    const house = files[0]?.TLS_CA_FILE as string;
    const newest = await readFile(next[0]?.TLS_CA_FILE as string);
    // All replicas read the authority from one file. In three steps: believe both, show the new ones, believe only those.
    await writeFile(house, Buffer.concat([await readFile(house), newest]));
    await everyReplicaRead(/were read again/, 1);
    for (const [index, { TLS_CERT_FILE, TLS_KEY_FILE }] of files.entries()) {
      await writeFile(TLS_CERT_FILE, await readFile(next[index]?.TLS_CERT_FILE as string));
      await writeFile(TLS_KEY_FILE, await readFile(next[index]?.TLS_KEY_FILE as string));
    }
    await everyReplicaRead(/were read again/, 2);
    const stale = await authority.issue('stale');
    await writeFile(house, newest);
    await everyReplicaRead(/were read again/, 3);
    expect(await identified({ ...stale, TLS_CA_FILE: house })).toBeUndefined();
    expect((await identified(await young.issue('guest')))?.nodeId).toBe(1);
    // One that starts anew meets only processes that have never been restarted.
    const { body } = await replica(1).call('/v1/cluster');
    const { nodeId } = body.members.find(({ role }: { role: string }) => role === 'follower');
    await replica(nodeId).stop();
    await replica(nodeId).start({ PEERS: peersOf(place.replicas), ...(files[nodeId - 1] as Files) });
    await replica(nodeId).ready();
    expect((await replica(nodeId).open(place.bankName)).csn).toBeGreaterThan(0);
  }, 120_000);

  async function everyReplicaRead(words: RegExp, times: number): Promise<void> {
    const count = async ({ log }: Replica) =>
      (await readFile(log, 'utf8')).split('\n').filter((line) => words.test(line)).length;
    while ((await Promise.all(place.replicas.map(count))).some((seen) => seen < times)) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  type Files = Awaited<ReturnType<typeof authority.issue>>;

  /** Asks replica 1 who it is. */
  async function identified(files: Files | undefined) {
    const tls = files && {
      authority: await readFile(files.TLS_CA_FILE),
      certificate: await readFile(files.TLS_CERT_FILE),
      key: await readFile(files.TLS_KEY_FILE),
    };
    const clients = new PeerClients(tls);
    try {
      return await clients.identify(replica(1).address);
    } finally {
      clients.close();
    }
  }
});
