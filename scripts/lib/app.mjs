// One of our apps as a child process: started, waited for, ended.
import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { markOf } from './leftovers.mjs';
import { lastLines } from './log-files.mjs';
import { endProcess } from './processes.mjs';
import { root } from './setup.mjs';

const GRACE_MS = 15_000;
const KILL_MS = 5_000;
const POLL_MS = 50;
const POLL_TIMEOUT_MS = 2_000;
const LINES_SHOWN = 12;

/**
 * @param {object} options
 * @param {string} options.app folder below apps/
 * @param {NodeJS.ProcessEnv} options.env
 * @param {string} options.log
 * @param {string} options.dataDirectory of the whole run, for its mark
 * @returns {Promise<import('./supervisor.mjs').Running>}
 */
export async function launchApp({ app, env, log, dataDirectory }) {
  await mkdir(dirname(log), { recursive: true });
  const output = await open(log, 'a'); // a file, so that nothing breaks in the app if this process is killed
  const script = join(root, 'apps', app, 'dist', 'main.js');
  const child = spawn(process.execPath, ['--enable-source-maps', script, markOf(dataDirectory)], {
    cwd: root,
    env,
    stdio: ['ignore', output.fd, output.fd],
    detached: true, // a group of its own: Ctrl-C in the terminal goes to the starter, which ends things in order
  });
  const exited = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
  try {
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
  } finally {
    await output.close();
  }
  const pid = /** @type {number} */ (child.pid);
  return {
    pid,
    exited,
    stop: async () => {
      await endProcess(pid, [
        ['SIGTERM', GRACE_MS],
        ['SIGKILL', KILL_MS],
      ]);
      await exited;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

/** An app that ended before it was ready, or that never became ready; with its own last words. */
export class NotReadyError extends Error {
  name = 'NotReadyError';
}

/**
 * Waits until the app says of itself that it is ready.
 * @param {object} options
 * @param {import('./supervisor.mjs').Supervised} options.supervised
 * @param {string} options.url of the app
 * @param {string} options.log
 * @param {number} [options.timeoutMs]
 * @param {() => boolean} [options.givenUp] whether nobody waits any longer
 */
export async function untilReady({ supervised, url, log, timeoutMs = 60_000, givenUp = () => false }) {
  const end = performance.now() + timeoutMs;
  while (!(await saysReady(url))) {
    if (givenUp()) return;
    if (supervised.deaths > 0) throw new NotReadyError(await report(supervised.name, 'ended at once', log));
    if (performance.now() >= end) {
      throw new NotReadyError(await report(supervised.name, `was not ready after ${timeoutMs / 1_000} s`, log));
    }
    await sleep(POLL_MS);
  }
}

async function saysReady(url) {
  try {
    const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(POLL_TIMEOUT_MS) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false; // it does not listen yet
  }
}

/** @returns {Promise<string>} what happened, and the last lines of the log */
export async function report(name, happened, log) {
  const lines = await lastLines(log, LINES_SHOWN);
  const words =
    lines.length > 0 ? `Its last words:\n${lines.map((line) => `    ${line}`).join('\n')}` : 'It said nothing.';
  return `${name} ${happened}. ${words}\n  All of it is in ${log}.`;
}
