// Three replicas with a network between them that can be cut.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../scripts/lib/ports.mjs';
import { writeReplicas } from '../../scripts/lib/replica-addresses.mjs';
import { call } from './api.mjs';
import { query } from './checks.mjs';
import { createLinks } from './links.mjs';
import { eventually, isReady, startProduct } from './product.mjs';

const VIEW_TIMEOUT_MS = 3_000;

/**
 * @typedef {import('./product.mjs').Product & {
 *   links: ReturnType<typeof createLinks>,
 *   urls: string[],
 *   anyUrl: () => string,
 *   leaderId: () => Promise<number | undefined>,
 *   allReady: () => Promise<boolean>,
 * }} Cluster
 */

/** @param {{ replicas?: number, electionTimeoutMs?: number }} [options] @returns {Promise<Cluster>} */
export async function startCluster({ replicas = 3, electionTimeoutMs = 1000 } = {}) {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'concordat-cluster-'));
  let product;
  // Read by itself, since replicas speak to each other before the product is ready.
  const run = async () => JSON.parse(await readFile(join(dataDirectory, 'run.json'), 'utf8'));
  const coordinators = async () => (await run()).coordinators;
  const pids = async () =>
    new Map((await coordinators()).filter(({ pid }) => pid !== null).map(({ id, pid }) => [id, pid]));
  const links = createLinks(pids);
  const end = async () => {
    links.close();
    await rm(dataDirectory, { recursive: true, force: true });
  };
  try {
    await writeReplicas(dataDirectory, await addressesThrough(links, replicas, coordinators));
    product = await startProduct({
      args: ['--replicas', String(replicas)],
      env: { DATA_DIR: dataDirectory, ELECTION_TIMEOUT_MS: String(electionTimeoutMs) },
    });
  } catch (error) {
    await end();
    throw error;
  }
  const urls = (await coordinators()).map(({ url }) => url);
  return {
    ...product,
    links,
    urls,
    anyUrl: () => urls[Math.floor(Math.random() * urls.length)],
    leaderId: () => leaderOf(urls),
    allReady: async () => (await Promise.all(urls.map(isReady))).every(Boolean),
    async stop() {
      const code = await product.stop();
      await end();
      return code;
    },
  };
}

async function addressesThrough(links, count, coordinators) {
  const restPort = (id) => async () => {
    const one = (await coordinators()).find((coordinator) => coordinator.id === id);
    if (!one) throw new Error(`replica ${id} is not known yet`);
    return Number(new URL(one.url).port);
  };
  const replicas = [];
  for (let id = 1; id <= count; id += 1) {
    const raftPort = await freePort();
    const address = `127.0.0.1:${await links.open(id, async () => raftPort)}`;
    const url = `http://127.0.0.1:${await links.open(id, restPort(id))}`;
    replicas.push({ id, raftPort, address, url });
  }
  return replicas;
}

/** The ordinal of the replica that leads, by the word of the first that knows. */
async function leaderOf(urls) {
  const views = urls.map(async (url) => {
    const { status, body } = await call(`${url}/v1/cluster`, { timeoutMs: VIEW_TIMEOUT_MS });
    const leader = status === 200 && body.members.find(({ id }) => id === body.leader);
    if (!leader) throw new Error(`${url} knows no leader`);
    return leader.nodeId;
  });
  return Promise.any(views).catch(() => undefined);
}

/**
 * Compares what the replicas' databases hold, once all of them hold all of it.
 * @param {Cluster} cluster
 * @returns {Promise<string[]>} violations
 */
export async function compareReplicas(cluster) {
  const { coordinators } = await cluster.run();
  const digest = `SELECT count(*) AS n, md5(string_agg(concat_ws(' ', id, status, outcome, csn, branches), ',' ORDER BY id)) AS d
    FROM transaction`;
  let last = [];
  const equal = async () => {
    last = await Promise.all(coordinators.map(async ({ databaseUrl }) => (await query(databaseUrl, digest))[0]));
    return last.every(({ n, d }) => n === last[0].n && d === last[0].d);
  };
  try {
    await eventually(equal, 'the replicas to hold the same', 20_000);
    return [];
  } catch {
    return [`the replicas' databases differ: ${JSON.stringify(last)}`];
  }
}
