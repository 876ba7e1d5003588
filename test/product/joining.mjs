// A replica that joins the product from outside, as one that somebody starts on another machine.
import { join } from 'node:path';
import { freePort } from '../../scripts/lib/ports.mjs';
import { readReplicas } from '../../scripts/lib/replica-addresses.mjs';
import { query } from './checks.mjs';
import { Replica } from './replicas.mjs';

/**
 * Starts it, with a log and a database that are empty; nobody waits until it is ready.
 * @param {import('./product.mjs').Product} product
 * @param {number} id beyond those of the product
 * @returns {Promise<Replica>}
 */
export async function joiningReplica(product, id) {
  const { postgres, kafka } = await product.run();
  const database = `concordat_${id}`;
  await query(postgres.url, `CREATE DATABASE ${database}`);
  const databaseUrl = Object.assign(new URL(postgres.url), { pathname: `/${database}` }).href;
  const directory = join(product.dataDirectory, 'joining');
  const replica = new Replica(id, directory, await freePort(), await freePort(), databaseUrl, kafka.brokers);
  const others = await readReplicas(product.dataDirectory);
  const peers = [...others, { id, address: replica.address }].map((one) => `${one.id}=${one.address}`).join(',');
  await replica.start({ PEERS: peers });
  return replica;
}
