import type { Clock } from './clock.js';

/** What one attempt gets of the time that is left: a replica that hangs leaves time for two others. */
const ATTEMPT_SHARE = 1 / 3;
/** No attempt is cut shorter than this while there is time, in ms. */
const ATTEMPT_MS_MIN = 1_000;

/** The one moment by which a call must have ended, whatever it takes on the way. */
export class Deadline {
  readonly #endsAt: number;

  /**
   * @param timeoutMs time from now on, in ms
   * @param signal ends the call earlier
   */
  constructor(
    readonly clock: Clock,
    readonly timeoutMs: number,
    readonly signal?: AbortSignal,
  ) {
    this.#endsAt = clock.now() + timeoutMs;
  }

  /** In ms; 0 when it has passed. */
  get remainingMs(): number {
    return Math.max(0, this.#endsAt - this.clock.now());
  }

  get isOver(): boolean {
    return this.remainingMs === 0 || (this.signal?.aborted ?? false);
  }

  /** How long the next attempt may take, in ms. */
  attemptMs(): number {
    const { remainingMs } = this;
    return Math.min(remainingMs, Math.max(ATTEMPT_MS_MIN, remainingMs * ATTEMPT_SHARE));
  }
}
