// Processes of the bench itself: workloads, and the other ends of floors.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const workloadMain = fileURLToPath(new URL('workload-main.mjs', import.meta.url));
const profilerUrl = new URL('profiler.mjs', import.meta.url).href;
const stopTimeoutMs = 15_000;

/** The modules in bench/workloads, by name. */
const moduleOf = (name) => new URL(`workloads/${name}.mjs`, import.meta.url).href;

/** With a directory for profiles, every process of the system takes its own when it is told to. */
export function profiledEnv({ profile }, name, env = process.env) {
  if (profile === undefined) return env;
  const options = `${env.NODE_OPTIONS ?? ''} --import=${profilerUrl}`.trim();
  return { ...env, NODE_OPTIONS: options, BENCH_PROFILE_PREFIX: join(profile, name) };
}

/** Runs one workload in a process of its own. */
export class WorkloadProcess {
  #child;

  /**
   * @param {string} name of the module in workloads/
   * @param {object} context what the workload needs to know
   * @param {NodeJS.ProcessEnv} [env]
   */
  static async open(name, context, env = process.env) {
    const child = fork(workloadMain, { env, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const workload = new WorkloadProcess();
    workload.#child = child;
    try {
      workload.facts = await workload.#ask('open', { module: moduleOf(name), context });
      return workload;
    } catch (error) {
      if (child.connected) child.disconnect();
      throw error;
    }
  }

  get pid() {
    return this.#child.pid;
  }

  /**
   * @param {{ concurrency: number, warmupMs: number, durationMs: number }} options
   * @param {(event: 'begin' | 'end') => void} [onEvent] the window begins, ends
   * @returns {Promise<import('./closed-loop.mjs').LoopResult>}
   */
  measure(options, onEvent) {
    return this.#ask('measure', options, onEvent);
  }

  async assertAlive() {
    if (this.#child.exitCode !== null) throw new Error(`a workload process ended with code ${this.#child.exitCode}`);
  }

  async close() {
    if (this.#child.exitCode !== null || !this.#child.connected) return;
    await Promise.race([this.#ask('close').catch(() => {}), pause(stopTimeoutMs)]);
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  #ask(action, argument, onEvent = () => {}) {
    return new Promise((resolve, reject) => {
      const settle = (settled, value) => {
        this.#child.off('message', onMessage).off('exit', onExit);
        settled(value);
      };
      const onMessage = ({ event, result, message }) => {
        if (event === 'done') settle(resolve, result);
        else if (event === 'failed') settle(reject, new Error(message));
        else tell(event);
      };
      const tell = (event) => {
        try {
          onEvent(event);
        } catch (error) {
          settle(reject, error);
        }
      };
      const onExit = (code) => settle(reject, new Error(`a workload process ended with code ${code}`));
      this.#child.on('message', onMessage).once('exit', onExit);
      this.#child.send({ action, argument });
    });
  }
}

/** Waits until `check` answers truthily; an error with a mark `final` ends the waiting. @param {string} what for the error @returns {Promise<unknown>} the answer */
export async function until(what, check, timeoutMs = 60_000) {
  const deadline = performance.now() + timeoutMs;
  let cause;
  while (performance.now() < deadline) {
    try {
      const answer = await check();
      if (answer) return answer;
    } catch (error) {
      if (error.final) throw error;
      cause = error;
    }
    await pause(100);
  }
  throw new Error(`${what} did not happen within ${timeoutMs / 1000} s`, { cause });
}
