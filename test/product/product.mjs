// Starts the product as a user does, on free ports and a data directory of its own, and knows it only from outside:
// run.json, REST, SQL and signals.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const START_TIMEOUT_MS = 300_000;
const READY = /^concordat ready (http:\/\/\S+)$/m;

/**
 * @typedef {import('../../scripts/lib/run-file.mjs').RunState} RunState
 * @typedef {object} Product
 * @property {string} url of the first coordinator
 * @property {string} dataDirectory
 * @property {number} pid of the starter
 * @property {() => Promise<RunState>} run what runs now
 * @property {() => string} output what the starter has printed
 * @property {() => Promise<number | null>} stop as Ctrl-C does; resolves with the exit code
 */

/**
 * @param {{ args?: string[], env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<Product>} when the ready line is printed
 */
export async function startProduct({ args = [], env = {} } = {}) {
  const dataDirectory = env.DATA_DIR ?? (await mkdtemp(join(tmpdir(), 'concordat-')));
  const { DATABASE_URL, KAFKA_BROKERS, NODE_OPTIONS, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(root, 'scripts/start.mjs'), ...args], {
    cwd: root,
    env: { ...inherited, PORT: '0', ...env, DATA_DIR: dataDirectory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const ready = new Promise((resolve, reject) => {
    const take = (chunk) => {
      output += chunk;
      const found = READY.exec(output);
      if (found) resolve(found[1]);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('exit', (code) => reject(new Error(`the starter ended with ${code}:\n${output}`)));
    setTimeout(() => reject(new Error(`not ready in time:\n${output}`)), START_TIMEOUT_MS).unref();
  });
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGINT');
    const code = await exited;
    if (!env.DATA_DIR) await rm(dataDirectory, { recursive: true, force: true });
    return code;
  };
  try {
    const url = await ready;
    const run = async () => JSON.parse(await readFile(join(dataDirectory, 'run.json'), 'utf8'));
    return { url, dataDirectory, pid: child.pid, run, output: () => output, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Kills a process of the product and waits until the starter has put another in its place.
 * @param {Product} product
 * @param {(run: RunState) => { pid: number | null, url?: string }} pick
 * @param {NodeJS.Signals} [signal] SIGTERM asks it to stop in peace
 */
export async function killAndAwait(product, pick, signal = 'SIGKILL') {
  const { pid } = pick(await product.run());
  if (pid === null) throw new Error('it does not run');
  process.kill(pid, signal);
  await eventually(async () => {
    const now = pick(await product.run());
    return now.pid !== null && now.pid !== pid && (!now.url || (await isReady(now.url)));
  }, `a successor of ${pid}`);
}

/** @param {string} url */
export const isReady = (url) =>
  fetch(`${url}/health/ready`).then(
    (response) => response.ok,
    () => false,
  );

/**
 * Waits for a condition.
 * @template T
 * @param {() => Promise<T | false | undefined | null>} condition
 * @param {string} what for the error
 * @param {number} [timeoutMs]
 * @returns {Promise<T>}
 */
export async function eventually(condition, what, timeoutMs = 60_000) {
  const until = Date.now() + timeoutMs;
  let last;
  while (Date.now() < until) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause: last });
}
