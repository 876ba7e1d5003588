/**
 * When those who were refused are told to come back. Each is promised a moment of its own at the pace at which its
 * caller's share drains (a virtual schedule, as in GCRA): were all told the same moment, most would be refused again.
 * One caller's promises do not delay another's.
 */
import { PROMISED_SHARE, PROMISES_MAX, RETRY_AFTER_MS_MAX } from './bounds.js';

export class Promises {
  /** The last moment promised to each caller, Unix ms; the longest untouched first. */
  readonly #last = new Map<string, number>();

  /**
   * @param waitMs how long it would wait at the least, as is known by now
   * @param ratePerMs what drains for this caller
   * @returns ms from now
   */
  next(caller: string, waitMs: number, ratePerMs: number, now: number): number {
    const before = this.#last.get(caller) ?? 0;
    const at = Math.min(Math.max(now + waitMs, before + 1 / (ratePerMs * PROMISED_SHARE)), now + RETRY_AFTER_MS_MAX);
    this.#last.delete(caller);
    this.#last.set(caller, at);
    if (this.#last.size > PROMISES_MAX) this.#last.delete(this.#last.keys().next().value as string);
    return at - now;
  }
}
