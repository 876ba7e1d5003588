// Clients that acquire, renew and release locks, and write to resources that check tokens, while leaders are killed and paused.
import { ConcordatClient } from '@concordat/client';
import { checkLockHistory } from '../locks/lock-history.mjs';
import { eventually, killAndAwait, startProduct } from './product.mjs';

const LOCKS = ['a', 'b'];
const TTL_MS = 1_500;
/** Longer than a lease, and than an election takes. */
const PAUSE_MS = TTL_MS * 3;

/** A resource that refuses tokens below the largest that it has seen, as a participant does. */
class Resource {
  #largest = 0;

  constructor(lock, history) {
    this.lock = lock;
    this.history = history;
  }

  write(holder, token) {
    const accepted = token >= this.#largest;
    if (accepted) this.#largest = token;
    this.history.push({ kind: 'write', lock: this.lock, token, holder, accepted });
    return accepted;
  }
}

/**
 * @param {{ durationMs: number, clients?: number, zombies?: number, report?: (line: string) => void }} options
 *   zombies never renew, and write long after their time is over
 */
export async function runLocks({ durationMs, clients = 6, zombies = 2, report = () => {} }) {
  const product = await startProduct({ args: ['--replicas', '3', '--no-demo'] });
  try {
    const { coordinators } = await product.run();
    const urls = coordinators.map(({ url }) => url);
    const history = [];
    const resources = new Map(LOCKS.map((lock) => [lock, new Resource(lock, history)]));
    const state = { stopping: false, lost: 0, refused: 0, errors: [] };
    const scene = { urls, history, resources, state };
    const workers = [
      ...Array.from({ length: clients }, (_, i) => work(scene, `client-${i}`, keeper)),
      ...Array.from({ length: zombies }, (_, i) => work(scene, `zombie-${i}`, zombie)),
    ];
    const until = Date.now() + durationMs;
    let faults = 0;
    do {
      await pause(PAUSE_MS);
      await (faults % 2 === 0 ? pauseLeader : killLeader)(product, urls);
      faults += 1;
      report(`${faults} faults, ${history.length} events`);
    } while (Date.now() < until);
    await pause(TTL_MS * 2);
    state.stopping = true;
    await Promise.all(workers);
    const grants = history.filter(({ kind }) => kind === 'grant').length;
    const accepted = history.filter((one) => one.accepted).length;
    const refused = history.filter((one) => one.kind === 'write' && !one.accepted).length;
    return {
      violations: checkLockHistory(history),
      errors: state.errors,
      faults,
      grants,
      accepted,
      refused,
      lost: state.lost,
    };
  } finally {
    await product.stop();
  }
}

async function work(scene, name, holdOn) {
  const client = new ConcordatClient({ urls: scene.urls, timeoutMs: 30_000 });
  for (let round = 0; !scene.state.stopping; round += 1) {
    const lock = LOCKS[Math.floor(Math.random() * LOCKS.length)];
    try {
      await holdOn(scene, client, lock, `${name}/${round}`);
    } catch (error) {
      if (error.code === 'lock-not-held') scene.state.lost += 1;
      else if (error.code !== 'lock-held' && error.code !== 'deadline-exceeded') scene.state.errors.push(String(error));
    }
  }
}

const note = (history, lock, holder, token, calledAt) =>
  history.push({ kind: 'grant', lock, token, holder, calledAt, answeredAt: performance.now() });

/** Holds it for longer than its lease, and writes all the while. */
async function keeper({ history, resources, state }, client, lock, holder) {
  const calledAt = performance.now();
  await client.locks.withLock(
    lock,
    { owner: holder, ttlMs: TTL_MS, waitMs: 5_000 },
    async ({ fencingToken, signal }) => {
      note(history, lock, holder, fencingToken, calledAt);
      const until = performance.now() + TTL_MS * (0.2 + Math.random() * 1.5);
      while (performance.now() < until && !signal.aborted && !state.stopping) {
        resources.get(lock).write(holder, fencingToken);
        await pause(20);
      }
    },
  );
}

/** As a process that stood still: it believes to hold the lock long after it has lost it. */
async function zombie({ urls, history, resources, state }, _client, lock, holder) {
  const calledAt = performance.now();
  const answer = await fetch(`${urls[Math.floor(Math.random() * urls.length)]}/v1/locks/${lock}/acquire`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ owner: holder, ttlMs: 200, waitMs: 5_000 }),
    signal: AbortSignal.timeout(15_000),
  }).catch(() => undefined);
  if (!answer?.ok) return pause(100);
  const { fencingToken } = await answer.json();
  note(history, lock, holder, fencingToken, calledAt);
  resources.get(lock).write(holder, fencingToken);
  await pause(state.stopping ? 0 : TTL_MS * 2);
  resources.get(lock).write(holder, fencingToken);
}

async function leaderOf(product, urls) {
  const leader = await eventually(async () => {
    for (const url of urls) {
      const answer = await fetch(`${url}/v1/cluster?consistency=stale`, { signal: AbortSignal.timeout(1_000) }).catch(
        () => undefined,
      );
      const view = answer?.ok ? await answer.json() : undefined;
      const found = view?.members.find(({ id }) => id === view.leader);
      if (found) return found;
    }
    return undefined;
  }, 'a leader');
  const { coordinators } = await product.run();
  return coordinators.findIndex(({ url }) => url === leader.url);
}

async function pauseLeader(product, urls) {
  const leader = await leaderOf(product, urls);
  const { pid } = (await product.run()).coordinators[leader];
  process.kill(pid, 'SIGSTOP');
  await pause(PAUSE_MS);
  process.kill(pid, 'SIGCONT');
}

async function killLeader(product, urls) {
  const leader = await leaderOf(product, urls);
  await killAndAwait(product, ({ coordinators }) => coordinators[leader]);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
