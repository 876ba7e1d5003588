import type { Random } from './clock.js';

export interface BackoffOptions {
  /** Upper end of the first wait, in ms; 50 when left out. */
  readonly baseMs?: number;
  /** Upper end of every wait, in ms; 2,000 when left out. */
  readonly maxMs?: number;
}

/**
 * How long to wait before retry number `retry`, in ms: anything between 0 and an end that doubles ("full jitter", AWS
 * Architecture Blog 2015), after what the server asked for: a `Retry-After` is never undercut, and those who were given
 * the same one do not come back together.
 * @param retry counts from 0
 * @param retryAfterMs what the server asked for, in ms
 */
export function backoffMs(retry: number, random: Random, options: BackoffOptions = {}, retryAfterMs = 0): number {
  const { baseMs = 50, maxMs = 2_000 } = options;
  return retryAfterMs + random() * Math.min(maxMs, baseMs * 2 ** retry);
}
