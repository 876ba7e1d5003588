// A closed loop: N callers, each of which begins its next call when the last one was answered.
import { percentile } from './statistics.mjs';

const SAMPLES_AT_FIRST = 1 << 14;

/** Every sample is kept, so that percentiles are exact. */
class Samples {
  #values = new Float64Array(SAMPLES_AT_FIRST);
  count = 0;

  add(value) {
    if (this.count === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.count] = value;
    this.count += 1;
  }

  /** @returns {Float64Array} in ascending order */
  sorted() {
    return this.#values.slice(0, this.count).sort();
  }
}

/**
 * @typedef {object} LoopResult
 * @property {number} count calls that ended well within the window
 * @property {number} elapsedMs length of the window
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {Record<string, number>} otherwise calls in the window with any other outcome, by its name
 */

/**
 * Runs the callers until the time is up, and waits for the last answers. What ends during the warm-up is not counted,
 * nor what ends after the window.
 * @param {(caller: number) => Promise<string | undefined>} once one call; resolves with the name of an outcome that is not the good one
 * @param {object} options
 * @param {number} options.concurrency
 * @param {number} options.warmupMs
 * @param {number} options.durationMs
 * @param {() => void} [options.onBegin] the window begins
 * @param {() => void} [options.onEnd] the window ends
 * @returns {Promise<LoopResult>}
 */
export async function closedLoop(once, { concurrency, warmupMs, durationMs, onBegin = () => {}, onEnd = () => {} }) {
  const samples = new Samples();
  const otherwise = {};
  let stage = 'warm-up';
  let begunAt = 0;
  let endedAt = 0;
  const caller = async (number) => {
    while (stage !== 'over') {
      const started = performance.now();
      const outcome = await once(number);
      if (stage !== 'window') continue;
      if (outcome === undefined) samples.add(performance.now() - started);
      else otherwise[outcome] = (otherwise[outcome] ?? 0) + 1;
    }
  };
  setTimeout(() => {
    stage = 'window';
    begunAt = performance.now();
    onBegin();
    setTimeout(() => {
      stage = 'over';
      endedAt = performance.now();
      onEnd();
    }, durationMs);
  }, warmupMs);
  await Promise.all(Array.from({ length: concurrency }, (_, number) => caller(number)));
  const sorted = samples.sorted();
  return {
    count: samples.count,
    elapsedMs: endedAt - begunAt,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    otherwise,
  };
}
