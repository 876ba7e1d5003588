// Violence against a cluster under load; shared by `npm run test:cluster` and its short form in `npm test`.
import { checkLinearizability } from '../linearizability/linearizability.mjs';
import { transactionModel } from '../linearizability/transaction-model.mjs';
import { call } from './api.mjs';
import { quiet, verifyTransfers } from './checks.mjs';
import { compareReplicas, startCluster } from './cluster.mjs';
import { generator } from './generator.mjs';
import { HistoryLoops } from './history.mjs';
import { eventually, isReady } from './product.mjs';
import { openAccounts, TransferLoops } from './transfers.mjs';

/** The product promises this much, in ms, from the last fault's recovery to nothing prepared and nothing unfinished. */
const QUIET_WITHIN_MS = 10_000;
/** A client gives up on one replica and asks another after so long. */
const CLIENT_TIMEOUT_MS = 6_000;
const HISTORY_CLIENTS = 2;
/** Enough that transfers rarely meet. */
const ACCOUNTS_PER_BANK = 40;
const RECOVERY_MS = 90_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @typedef {{ cluster: import('./cluster.mjs').Cluster, random: () => number, electionTimeoutMs: number }} Scene */

/** The participants that transfers need; run.json lists all in the order in which they came up. */
const banksOf = ({ participants }) => participants.filter(({ name }) => name !== 'inventory');

/** Every kind of violence: what it does, resolved when it is over. @type {Record<string, (scene: Scene) => Promise<string | undefined>>} */
const FAULTS = {
  'kill the leader': (scene) => kill(scene, 'leader'),
  'pause the leader': (scene) => stopFor(scene, 'leader'),
  'cut off the leader': (scene) => cutOff(scene, 'leader', 'stall'),
  'kill a participant': ({ cluster, random }) => signal(cluster, (run) => pickFrom(banksOf(run), random), 'SIGKILL'),
  'kill a follower': (scene) => kill(scene, 'follower'),
  'kill Kafka': ({ cluster }) => signal(cluster, (run) => run.kafka, 'SIGKILL'),
  'pause a follower': (scene) => stopFor(scene, 'follower'),
  'kill Postgres': ({ cluster }) => signal(cluster, (run) => run.postgres, 'SIGQUIT'),
  'make the leader deaf': (scene) => oneWay(scene, 'in'),
  'pause Kafka': ({ cluster, electionTimeoutMs }) => pauseOne(cluster, (run) => run.kafka, 3 * electionTimeoutMs),
  'make the leader mute': (scene) => oneWay(scene, 'out'),
  'pause a participant': ({ cluster, random, electionTimeoutMs }) =>
    pauseOne(cluster, (run) => pickFrom(banksOf(run), random), 3 * electionTimeoutMs),
  'cut off a follower': (scene) => cutOff(scene, 'follower', 'reset'),
  'pause Postgres': ({ cluster, electionTimeoutMs }) => pauseOne(cluster, (run) => run.postgres, 2 * electionTimeoutMs),
  'kill two replicas': async (scene) => {
    const [leader, follower] = [await replicaOf(scene, 'leader'), await replicaOf(scene, 'follower')];
    return (await Promise.all([leader, follower].map((pick) => signal(scene.cluster, pick, 'SIGKILL')))).join(', ');
  },
};

export const FAULT_NAMES = Object.keys(FAULTS);

/** @param {string} name one of FAULT_NAMES @param {Scene} scene @returns what it hit, when it is over */
export const inflict = (name, scene) => FAULTS[name](scene);

/**
 * @param {object} options
 * @param {number} options.durationMs of the violence
 * @param {number} options.clients
 * @param {number} options.seed
 * @param {number} [options.electionTimeoutMs]
 * @param {string[]} [options.faults] in this order, over and over; by default all of them, shuffled
 * @param {(line: string) => void} [options.report]
 */
export async function runClusterFaults({
  durationMs,
  clients,
  seed,
  electionTimeoutMs = 1000,
  faults,
  report = () => {},
}) {
  const random = generator(seed);
  const cluster = await startCluster({ electionTimeoutMs });
  const violations = [];
  try {
    const accounts = await openAccounts(cluster.url, ACCOUNTS_PER_BANK);
    const calls = new CallTimes();
    const options = { timeoutMs: CLIENT_TIMEOUT_MS, onCall: (one) => calls.note(one) };
    const loops = new TransferLoops(cluster.anyUrl, accounts, clients, options);
    const history = new HistoryLoops(cluster.anyUrl, accounts, HISTORY_CLIENTS);
    const scene = { cluster, random, electionTimeoutMs, loops, report };
    const turns = faults ?? shuffled(FAULT_NAMES, random);
    const done = [];
    const until = Date.now() + durationMs;
    for (let turn = 0; Date.now() < until; turn += 1) {
      const name = turns[turn % turns.length];
      done.push(name);
      await suffer(scene, name, violations);
    }
    await eventually(cluster.allReady, 'every replica to be ready again', RECOVERY_MS).catch((error) =>
      violations.push(error.message),
    );
    await Promise.all([loops.stop(), history.stop()]);
    const stoppedAt = Date.now();
    await quiet(cluster, QUIET_WITHIN_MS).catch((error) => violations.push(error.message));
    const quietMs = Date.now() - stoppedAt;
    const money = await verifyTransfers(cluster, accounts, [...loops.answers, ...(await settled(cluster, history))]);
    const order = checkLinearizability(transactionModel, history.operations);
    violations.push(...money.violations, ...order.violations, ...(await compareReplicas(cluster)));
    return {
      seed,
      faults: done,
      violations,
      committed: money.committed,
      aborted: money.aborted,
      unsettled: loops.unsettled,
      linearizable: { histories: order.keys, operations: order.operations, unknown: history.unknown },
      quietMs,
      ...calls.summary(),
    };
  } finally {
    await cluster.stop();
  }
}

/** One fault, and then transfers have to go on. */
async function suffer({ loops, report, cluster, ...scene }, name, violations) {
  const committed = () => loops.answers.filter(({ outcome }) => outcome === 'committed').length;
  await pause(300 + scene.random() * 1000);
  const startedAt = Date.now();
  const what = await FAULTS[name]({ cluster, ...scene }).catch((error) => `could not be done: ${error.message}`);
  const before = committed();
  const overAt = Date.now();
  const onwards = await eventually(async () => committed() > before, `commits after: ${name}`, RECOVERY_MS).catch(
    (error) => violations.push(error.message),
  );
  if (onwards === true) {
    report(
      `${name} (${what}, ${overAt - startedAt} ms): a commit ${Date.now() - overAt} ms later, ${committed()} so far`,
    );
  }
  // Faults that overlap by chance are fine; a cluster that never has a majority proves nothing.
  await eventually(cluster.allReady, `replicas to be ready after: ${name}`, RECOVERY_MS).catch((error) =>
    violations.push(error.message),
  );
}

/** What became of the transactions that were read, as transfers. */
async function settled(cluster, { transfers }) {
  const answers = [];
  for (const { id, from, to, reference } of transfers) {
    const { body } = await call(`${cluster.url}/v1/transactions/${id}`);
    if (body.status !== 'completed') continue; // told as unfinished by `quiet`
    answers.push({ from, to, reference, amount: 1, outcome: body.outcomeReason ? 'aborted' : 'committed' });
  }
  return answers;
}

// --- violence ---------------------------------------------------------------------------------------------------

async function kill({ cluster, random }, role) {
  return signal(cluster, await replicaOf({ cluster, random }, role), 'SIGKILL');
}

async function stopFor({ cluster, random, electionTimeoutMs }, role) {
  const pick = await replicaOf({ cluster, random }, role);
  return pauseOne(cluster, pick, (2.5 + random() * 2.5) * electionTimeoutMs);
}

/** @returns {Promise<(run: any) => any>} picks it from run.json */
async function replicaOf({ cluster, random }, role) {
  const leader = await eventually(cluster.leaderId, 'a leader to be known');
  return (run) => {
    const others = run.coordinators.filter(({ id, pid }) => id !== leader && pid !== null);
    return role === 'leader' ? run.coordinators.find(({ id }) => id === leader) : pickFrom(others, random);
  };
}

async function signal(cluster, pick, name) {
  const victim = pick(await cluster.run());
  if (!victim || victim.pid === null) return 'it was down already';
  process.kill(victim.pid, name);
  return victim.name ?? (victim.id ? `replica ${victim.id}` : `pid ${victim.pid}`);
}

async function pauseOne(cluster, pick, forMs) {
  const victim = pick(await cluster.run());
  if (!victim || victim.pid === null) return 'it was down already';
  process.kill(victim.pid, 'SIGSTOP');
  try {
    await pause(forMs);
  } finally {
    process.kill(victim.pid, 'SIGCONT');
  }
  return victim.name ?? (victim.id ? `replica ${victim.id}` : `pid ${victim.pid}`);
}

async function cutOff({ cluster, random, electionTimeoutMs }, role, mode) {
  const { id } = (await replicaOf({ cluster, random }, role))(await cluster.run());
  const others = cluster.urls.map((_, index) => index + 1).filter((other) => other !== id);
  return cutFor(
    { cluster, random, electionTimeoutMs },
    others.flatMap((other) => [
      [id, other],
      [other, id],
    ]),
    mode,
  );
}

async function oneWay({ cluster, random, electionTimeoutMs }, direction) {
  const { id } = (await replicaOf({ cluster, random }, 'leader'))(await cluster.run());
  const others = cluster.urls.map((_, index) => index + 1).filter((other) => other !== id);
  const directions = others.map((other) => (direction === 'in' ? [other, id] : [id, other]));
  return cutFor({ cluster, random, electionTimeoutMs }, directions, 'stall');
}

async function cutFor({ cluster, random, electionTimeoutMs }, directions, mode) {
  cluster.links.cut(directions, mode);
  try {
    await pause((3 + random() * 3) * electionTimeoutMs);
  } finally {
    cluster.links.heal();
  }
  return directions.map(([from, to]) => `${from}>${to}`).join(' ');
}

// --- figures ----------------------------------------------------------------------------------------------------

/** How long calls took, answered or not. */
class CallTimes {
  #durations = [];
  #statuses = new Map();

  note({ startedAt, endedAt, answer }) {
    this.#durations.push(endedAt - startedAt);
    const { code, reason } = answer?.body ?? {};
    const what = answer ? [answer.status, code, reason?.code].filter(Boolean).join(' ') : 'no answer';
    this.#statuses.set(what, (this.#statuses.get(what) ?? 0) + 1);
  }

  summary() {
    const sorted = this.#durations.toSorted((a, b) => a - b);
    const at = (part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
    return { calls: Object.fromEntries(this.#statuses), callMs: { p50: at(0.5), p99: at(0.99), worst: at(1) } };
  }
}

const pickFrom = (list, random) => list[Math.floor(random() * list.length)];

function shuffled(list, random) {
  return list
    .map((value) => ({ value, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}

/**
 * Time from the death of the leader to the next commit that a client is told of, again and again.
 * @param {{ kills: number, electionTimeoutMs?: number, clients?: number, report?: (line: string) => void }} options
 */
export async function measureFailovers({ kills, electionTimeoutMs = 1000, clients = 4, report = () => {} }) {
  const cluster = await startCluster({ electionTimeoutMs });
  try {
    const accounts = await openAccounts(cluster.url, 10);
    const calls = [];
    let alive = cluster.urls;
    const anyAlive = () => alive[Math.floor(Math.random() * alive.length)];
    const options = { timeoutMs: CLIENT_TIMEOUT_MS, retryMs: 25, onCall: (one) => calls.push(one) };
    const loops = new TransferLoops(anyAlive, accounts, clients, options);
    const results = [];
    for (let kill = 1; kill <= kills; kill += 1) {
      await pause(1500);
      const leader = await eventually(cluster.leaderId, 'a leader');
      const victim = (await cluster.run()).coordinators.find(({ id }) => id === leader);
      alive = cluster.urls.filter((url) => url !== victim.url);
      await pause(300); // so that every call is at a replica that stays
      const killedAt = performance.now();
      process.kill(victim.pid, 'SIGKILL');
      const first = await eventually(async () => calls.find((one) => commitsAfter(one, killedAt)), 'a commit', 30_000);
      await pause(500);
      const inFlight = calls.filter((one) => one.startedAt < killedAt && one.endedAt > killedAt);
      const result = {
        commitMs: Math.round(first.endedAt - killedAt),
        inFlightMs: Math.round(Math.max(0, ...inFlight.map(({ endedAt }) => endedAt - killedAt))),
      };
      results.push(result);
      report(
        `kill ${kill}/${kills}, replica ${leader}: next commit after ${result.commitMs} ms, calls in flight settled after ${result.inFlightMs} ms`,
      );
      calls.length = 0;
      await eventually(() => isReady(victim.url), 'the replica to be back', RECOVERY_MS);
      alive = cluster.urls;
    }
    await loops.stop();
    await quiet(cluster, QUIET_WITHIN_MS);
    const { violations, committed } = await verifyTransfers(cluster, accounts, loops.answers);
    return { kills, electionTimeoutMs, violations, committed, ...figures(results, electionTimeoutMs) };
  } finally {
    await cluster.stop();
  }
}

/** Begun after the death, so that it is a commit of the next leader. */
const commitsAfter = ({ startedAt, answer }, killedAt) => startedAt > killedAt && answer?.status === 200;

function figures(results, electionTimeoutMs) {
  const of = (key) => {
    const sorted = results.map((result) => result[key]).sort((a, b) => a - b);
    const [median, worst] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    const times = (ms) => Number((ms / electionTimeoutMs).toFixed(2));
    return { medianMs: median, worstMs: worst, medianTimeouts: times(median), worstTimeouts: times(worst) };
  };
  return { nextCommit: of('commitMs'), inFlightSettled: of('inFlightMs') };
}
