// How long to wait before something that died is started again.

/**
 * @typedef {object} BackoffLimits
 * @property {number} minMs the first wait
 * @property {number} maxMs no wait is longer
 * @property {number} resetAfterMs one that lived this long begins again with the first wait
 */

/** @type {BackoffLimits} */
const DEFAULTS = { minMs: 250, maxMs: 5_000, resetAfterMs: 10_000 };

/**
 * Waits that double from death to death.
 * @param {Partial<BackoffLimits>} [limits]
 * @returns {(livedMs: number) => number} given how long the last one lived, the wait before the next, in ms
 */
export function createBackoff(limits = {}) {
  const { minMs, maxMs, resetAfterMs } = { ...DEFAULTS, ...limits };
  let nextMs = minMs;
  return (livedMs) => {
    if (livedMs >= resetAfterMs) nextMs = minMs;
    const waitMs = nextMs;
    nextMs = Math.min(nextMs * 2, maxMs);
    return waitMs;
  };
}
