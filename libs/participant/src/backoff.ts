/** A random number in [0, 1). */
export type Random = () => number;

export interface Clock {
  /** Unix time in ms. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/**
 * How long to wait before attempt `attempt` + 1 (counted from 1): doubling from `baseMs` up to `capMs`, of which a
 * random half is taken away, so that those who failed together do not come back together.
 */
export function backoffMs(attempt: number, baseMs: number, capMs: number, random: Random): number {
  const full = Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return full * (0.5 + random() / 2);
}
