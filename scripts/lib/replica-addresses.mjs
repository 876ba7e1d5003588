// DATA_DIR/replicas.json: where the replicas of this data directory reach each other. Kept across starts, because a
// replica that comes back must be where the others look for it. A test or a person may edit it to put something between
// the replicas: others are told `address` and `url`, the replica itself listens at `raftPort`.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './ports.mjs';

/**
 * @typedef {object} ReplicaAddress
 * @property {number} id
 * @property {number} raftPort where it listens for the other replicas
 * @property {string} address host:port at which they find it
 * @property {string} [url] where they find its REST API, if that is not where it listens
 */

const fileIn = (dataDirectory) => join(dataDirectory, 'replicas.json');

/** @param {string} dataDirectory @returns {Promise<ReplicaAddress[]>} empty for a new directory */
export async function readReplicas(dataDirectory) {
  const text = await readFile(fileIn(dataDirectory), 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return '[]';
    throw error;
  });
  return JSON.parse(text);
}

/** @param {string} dataDirectory @param {ReplicaAddress[]} replicas */
export async function writeReplicas(dataDirectory, replicas) {
  const path = fileIn(dataDirectory);
  await writeFile(`${path}.new`, `${JSON.stringify(replicas, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

/**
 * The addresses of replicas 1 to `count`: those of earlier starts, and new ones for whoever has none.
 * @param {string} dataDirectory
 * @param {number} count
 * @returns {Promise<ReplicaAddress[]>}
 */
export async function keepReplicas(dataDirectory, count) {
  const known = await readReplicas(dataDirectory);
  const replicas = [];
  for (let id = 1; id <= count; id += 1) {
    const before = known.find((one) => one.id === id);
    if (before) {
      replicas.push(before);
      continue;
    }
    const raftPort = await freePort();
    replicas.push({ id, raftPort, address: `127.0.0.1:${raftPort}` });
  }
  await writeReplicas(dataDirectory, replicas);
  return replicas;
}

/** @param {ReplicaAddress[]} replicas @returns {string} as PEERS wants it */
export const peersOf = (replicas) => replicas.map(({ id, address }) => `${id}=${address}`).join(',');
