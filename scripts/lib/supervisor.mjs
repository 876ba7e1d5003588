// Keeps one thing running: starts it again when it ends, with growing pauses, until it is told to stop.
// Knows nothing about what it keeps: an app, Kafka and Postgres are all kept in the same way.
import { setTimeout as sleep } from 'node:timers/promises';
import { createBackoff } from './backoff.mjs';

/**
 * @typedef {object} Running
 * @property {number} pid
 * @property {Promise<string>} exited how it ended, in words
 * @property {() => Promise<unknown>} stop in peace, however long that takes it
 * @property {() => void} kill at once
 */

/**
 * @typedef {object} Supervised
 * @property {string} name
 * @property {number | null} pid null while it is down
 * @property {number} deaths how often it ended without being asked
 * @property {() => Promise<void>} start the first time; fails if that fails
 * @property {() => Promise<void>} stop
 * @property {() => void} kill
 */

/**
 * @param {object} options
 * @param {string} options.name
 * @param {() => Promise<Running>} options.launch
 * @param {() => void} options.onChange the pid is another one now
 * @param {(event: { name: string, ending: string, livedMs: number, waitMs: number }) => void} options.onDeath
 * @param {(livedMs: number) => number} [options.backoff]
 * @returns {Supervised}
 */
export function supervise({ name, launch, onChange, onDeath, backoff = createBackoff() }) {
  const stopping = new AbortController();
  /** @type {Running | undefined} */
  let current;
  let deaths = 0;
  let watching = Promise.resolve();
  let starting = Promise.resolve();

  async function launchOnce() {
    const running = await launch();
    current = running;
    onChange();
    // Asked to stop while it was starting: nobody else knows of it yet.
    if (stopping.signal.aborted) await running.stop();
  }

  async function watch() {
    while (current) {
      const startedAt = performance.now();
      const ending = await current.exited;
      current = undefined;
      onChange();
      if (stopping.signal.aborted) return;
      deaths += 1;
      await relaunch(ending, performance.now() - startedAt);
    }
  }

  async function relaunch(firstEnding, firstLivedMs) {
    let ending = firstEnding;
    let livedMs = firstLivedMs;
    while (!current) {
      const waitMs = backoff(livedMs);
      onDeath({ name, ending, livedMs, waitMs });
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined); // a stop cuts the pause short
      if (stopping.signal.aborted) return;
      try {
        await launchOnce();
      } catch (error) {
        ending = error.message;
        livedMs = 0;
      }
    }
  }

  return {
    name,
    get pid() {
      return current?.pid ?? null;
    },
    get deaths() {
      return deaths;
    },
    start() {
      starting = launchOnce();
      void starting.then(
        () => {
          watching = watch();
        },
        () => undefined, // the caller has the same failure
      );
      return starting;
    },
    async stop() {
      stopping.abort();
      await current?.stop();
      await starting.catch(() => undefined);
      await watching;
    },
    kill() {
      stopping.abort();
      current?.kill();
    },
  };
}
