/**
 * Since when this replica has heard everything that participants say. Silence counts against them only from then on: a
 * replica that could not hear, or was not running itself, knows nothing of those that it did not hear meanwhile.
 */
import type { Clock } from './ports.js';

const LOOK_INTERVAL_MS = 250;
/** When nobody has looked for so long, the process stood still, or its clock was set forward; in ms. */
const STANDSTILL_MS = 1_000;

export class Listening {
  #since: number | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param hears whether whatever participants send reaches this replica at this moment */
  constructor(
    private readonly clock: Clock,
    private readonly hears: () => boolean,
  ) {}

  /** Looks often enough from now on, until it is stopped. Without this nobody is ever listened to for long. */
  start(): void {
    this.#timer ??= setInterval(() => this.sinceMs, LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** In the clock's ms; undefined while this replica hears nothing. */
  get sinceMs(): number | undefined {
    const now = this.clock.now();
    const stoodStill = now - this.#lookedAt > STANDSTILL_MS;
    this.#lookedAt = now;
    if (!this.hears()) this.#since = undefined;
    else if (stoodStill || this.#since === undefined) this.#since = now;
    return this.#since;
  }
}
