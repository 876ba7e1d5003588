import type { Clock } from './ports.js';

/**
 * Wall time that never goes back: where the machine's clock is set back, this one goes on at its own pace until that has
 * caught up, so that no deadline and no resend waits for it. A step forward is taken at once.
 */
export class SteadyClock implements Clock {
  #aheadMs: number;

  /**
   * @param wall Unix time in ms
   * @param elapsed ms since any fixed moment, never going back
   */
  constructor(
    private readonly wall: () => number = Date.now,
    private readonly elapsed: () => number = () => performance.now(),
  ) {
    this.#aheadMs = wall() - elapsed();
  }

  now(): number {
    const steady = this.elapsed() + this.#aheadMs;
    const wall = this.wall();
    if (wall > steady) this.#aheadMs += wall - steady;
    return Math.max(wall, Math.floor(steady));
  }
}
