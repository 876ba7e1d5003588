import { readFile } from 'node:fs/promises';
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
