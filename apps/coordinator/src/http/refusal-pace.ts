/**
 * How fast refusals are answered. Even a cheap one costs the time in which work could be done, and a caller who comes back at
 * once, whatever it is told, can ask for more of them than there is time for. So each caller gets so many a second at
 * once, and those beyond are answered late: its connections wait meanwhile, and it comes back as much later. It is never
 * the end of work that waits: only begins are refused, each on its own connection.
 */
import { pause } from '../engine/within.js';

/** Refusals answered at once, for each caller. */
const AT_ONCE_PER_S = 100;
/** How late the others are. */
export const HOLD_MS = 5_000;
/** Answers held back at once; beyond it they leave at once. Far fewer than the connections that may be open. */
const HELD_MAX = 5_000;
/** Callers whose refusals are counted; beyond it the one longest unheard is forgotten. */
const CALLERS_MAX = 1_000;

export class RefusalPace {
  /** By caller: when the answers that it was given are paid for, Unix ms. */
  readonly #paidAt = new Map<string, number>();
  #held = 0;

  /** @returns undefined where the answer may leave at once, else what to wait for first */
  before(caller: string, now: number): Promise<void> | undefined {
    const paidAt = Math.max(now - 1000, this.#paidAt.get(caller) ?? 0) + 1000 / AT_ONCE_PER_S;
    if (paidAt > now) return this.#held < HELD_MAX ? this.#hold() : undefined;
    this.#paidAt.delete(caller);
    this.#paidAt.set(caller, paidAt);
    if (this.#paidAt.size > CALLERS_MAX) this.#paidAt.delete(this.#paidAt.keys().next().value as string);
    return undefined;
  }

  async #hold(): Promise<void> {
    this.#held += 1;
    await pause(HOLD_MS);
    this.#held -= 1;
  }
}
