// The cases: one-shot transactions of two branches against a coordinator that is started for them.
import { join } from 'node:path';
import { launchApp, report } from '../scripts/lib/app.mjs';
import { freePort } from '../scripts/lib/ports.mjs';
import { coordinatorEnvironment, participantEnvironment } from '../scripts/lib/topology.mjs';
import { oneShot } from './floors.mjs';
import { Meters } from './meters.mjs';
import { profiledEnv, until, WorkloadProcess } from './workload.mjs';

/** Rows of its own for each caller: a row is locked until a moment after the caller has its answer. */
export const SKUS_PER_CALLER = 64;
const STOCK_PER_SKU = 1_000_000_000;
/** The most branches that one transaction takes. */
const BRANCHES_MAX = 100;
/** Stands where the number of the row goes. */
const NUMBER = '#';

const openers = { empty: openEmpty, inventory: openInventory };

/**
 * @param {string} name
 * @param {import('./surroundings.mjs').Surroundings} surroundings
 * @param {number} callers the most that will be in flight
 * @param {number} replicas of the coordinator
 * @returns {Promise<import('./floors.mjs').Subject>}
 */
export const openCase = (name, surroundings, callers, replicas = 1) => openers[name](surroundings, callers, replicas);

/** Participants without work or database. */
async function openEmpty(surroundings, callers, replicas) {
  const names = ['empty-a', 'empty-b'];
  const context = { brokers: surroundings.kafka.brokers, client: process.env.KAFKA_CLIENT || undefined };
  const start = (name) =>
    WorkloadProcess.open('empty-participant', { ...context, name }, profiledEnv(surroundings, name));
  const participants = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await start(name)])));
  for (const participant of Object.values(participants)) surroundings.closing.add(() => participant.close());
  const coordinator = await openCoordinators('empty', surroundings, replicas);
  await untilHeard(coordinator, names);
  const body = { kind: 'fixed', json: oneShot(names, 'nothing', '{}') };
  return openSubject(surroundings, { coordinator, participants, callers, body });
}

/** The example participant twice, each with a database of its own; every branch changes one row. */
async function openInventory(surroundings, callers, replicas) {
  const names = ['inventory-a', 'inventory-b'];
  const coordinator = await openCoordinators('inventory', surroundings, replicas);
  const start = async (name) => {
    const databaseUrl = await surroundings.postgres.createDatabase(`bench_${name.replace('-', '_')}`);
    const where = { name, port: await freePort(), databaseUrl, brokers: surroundings.kafka.brokers };
    const env = participantEnvironment(process.env, { ...where, coordinatorUrls: [coordinator.url] });
    return openApp(surroundings, 'inventory', name, env);
  };
  const participants = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await start(name)])));
  await untilHeard(coordinator, names);
  await stockUp(coordinator, names, callers * SKUS_PER_CALLER);
  const parts = oneShot(names, 'reserve', JSON.stringify({ sku: `bench-${NUMBER}`, quantity: 1 })).split(NUMBER);
  const body = { kind: 'template', parts, perCaller: SKUS_PER_CALLER };
  return openSubject(surroundings, { coordinator, participants, callers, body });
}

/** @returns {Promise<{ url: string, replicas: Record<string, { pid: number, url: string }> }>} `url` is the leader's */
export async function openCoordinators(name, surroundings, count) {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const places = await Promise.all(
    numbers.map(async (id) => ({ id, port: await freePort(), raftPort: await freePort() })),
  );
  const peers = places.map(({ id, raftPort }) => `${id}=127.0.0.1:${raftPort}`).join(',');
  const start = async ({ id, port, raftPort }) => {
    const title = count === 1 ? 'coordinator' : `coordinator-${id}`;
    const url = `http://127.0.0.1:${port}`;
    const env = coordinatorEnvironment(process.env, {
      ...{ id, port, url, raftPort, peers, brokers: surroundings.kafka.brokers },
      databaseUrl: await surroundings.postgres.createDatabase(`bench_coordinator_${name}_${id}`),
      dataDirectory: join(surroundings.directory, `${name}-${title}`),
    });
    return [title, { ...(await openApp(surroundings, 'coordinator', title, env)), url }];
  };
  const replicas = Object.fromEntries(await Promise.all(places.map(start)));
  await Promise.all(Object.entries(replicas).map(([title, replica]) => untilReady(title, replica)));
  const [first] = Object.values(replicas);
  return { url: await leaderUrl(first.url), replicas };
}

function untilReady(title, { url, assertAlive }) {
  return until(`The readiness of ${title}`, async () => {
    await assertAlive();
    return (await fetch(`${url}/health/ready`)).ok;
  });
}

/** The load goes to the leader, as that of a client that knows it does. */
async function leaderUrl(anyUrl) {
  return until('The election of a leader', async () => {
    const { leader, members } = await (await fetch(`${anyUrl}/v1/cluster`)).json();
    return members.find(({ id }) => id === leader)?.url;
  });
}

async function openApp(surroundings, app, name, env) {
  const { directory, closing } = surroundings;
  const log = join(directory, `${name}.log`);
  const quiet = { ...env, LOG_LEVEL: process.env.LOG_LEVEL || 'warn' };
  const running = await launchApp({ app, env: profiledEnv(surroundings, name, quiet), log, dataDirectory: directory });
  let ended;
  void running.exited.then((how) => {
    ended = how;
  });
  process.once('exit', running.kill);
  const close = async () => {
    await running.stop();
    process.off('exit', running.kill);
  };
  closing.add(close);
  const assertAlive = async () => {
    if (ended) throw Object.assign(new Error(await report(name, `ended (${ended})`, log)), { final: true });
  };
  return { pid: running.pid, close, assertAlive };
}

/** The coordinator learns of participants by their heartbeats. */
export function untilHeard(coordinator, names) {
  return until(`The coordinator hearing of ${names.join(' and ')}`, async () => {
    const answer = await fetch(`${coordinator.url}/v1/participants`);
    const { items } = await answer.json();
    return names.every((name) => items.some((one) => one.name === name && one.health === 'up'));
  });
}

async function stockUp(coordinator, names, skus) {
  const perTransaction = BRANCHES_MAX / names.length;
  for (let first = 0; first < skus; first += perTransaction) {
    const numbers = Array.from({ length: Math.min(perTransaction, skus - first) }, (_, index) => first + index);
    const branches = numbers.flatMap((number) =>
      names.map((participant) => ({
        participant,
        operation: 'stock',
        input: { sku: `bench-${number}`, quantity: STOCK_PER_SKU },
      })),
    );
    const answer = await fetch(`${coordinator.url}/v1/transactions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ commit: true, wait: 'completed', branches }),
    });
    if (!answer.ok) throw new Error(`stocking up was answered ${answer.status}: ${await answer.text()}`);
    await answer.body?.cancel().catch(() => {});
  }
}

/** @returns {Promise<import('./floors.mjs').Subject>} */
export async function openSubject(surroundings, { coordinator, participants, callers, body }) {
  const driver = await WorkloadProcess.open('http', { url: `${coordinator.url}/v1/transactions`, callers, body });
  const apps = { ...coordinator.replicas, ...participants };
  const system = pidsOf(apps);
  const meters = await Meters.open(surroundings, {
    pids: { ...system, client: driver.pid },
    postgres: true,
    topicPrefix: 'concordat.',
    metricsUrls: Object.values(coordinator.replicas).map(({ url }) => `${url}/metrics`),
  });
  const close = async () => {
    await driver.close();
    await meters.close();
    await Promise.all(Object.values(participants).map((participant) => participant.close()));
    await Promise.all(Object.values(coordinator.replicas).map((replica) => replica.close()));
  };
  surroundings.closing.add(() => Promise.all([driver.close(), meters.close()]));
  return {
    driver,
    meters,
    counted: [...Object.keys(system), 'kafka', 'postgres'],
    participants: Object.keys(participants).length,
    profiled: surroundings.profile === undefined ? {} : system,
    url: coordinator.url,
    body,
    pids: system,
    assertAlive: async () => {
      for (const app of Object.values(apps)) await app.assertAlive();
    },
    close,
  };
}

const pidsOf = (processes) => Object.fromEntries(Object.entries(processes).map(([name, { pid }]) => [name, pid]));
