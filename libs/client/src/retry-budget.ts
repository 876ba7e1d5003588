import type { Clock } from './clock.js';

export interface RetryBudgetOptions {
  /** Retries that each call earns; 0.1 when left out: retries add at most a tenth to the load. */
  readonly ratio?: number;
  /** Retries per second that are there without any calls, so that a quiet client can retry too; 10 when left out. */
  readonly retriesPerSecondMin?: number;
  /** How many retries can be saved up; ten seconds' worth of the minimum when left out, at least one. */
  readonly burst?: number;
}

const BURST_SECONDS = 10;
/** How soon to look again where only other calls can earn a retry, in ms. */
const LOOK_AGAIN_MS = 100;

/**
 * Bounds what retries add to the load, over all calls of a client: a token bucket that calls and time fill and retries
 * empty (the method of Finagle's RetryBudget and of gRPC's retry throttling, gRFC A6). In any interval the retries are at most
 * burst + retriesPerSecondMin × seconds + ratio × calls.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  constructor(
    {
      ratio = 0.1,
      retriesPerSecondMin = 10,
      burst = Math.max(1, retriesPerSecondMin * BURST_SECONDS),
    }: RetryBudgetOptions,
    private readonly clock: Clock,
  ) {
    if (!(ratio >= 0 && retriesPerSecondMin >= 0 && burst >= 1)) {
      throw new RangeError('A retry budget needs ratio >= 0, retriesPerSecondMin >= 0 and burst >= 1.');
    }
    this.#ratio = ratio;
    this.#perMs = retriesPerSecondMin / 1_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = clock.now();
  }

  /** A call was made: it earns its share. */
  earn(): void {
    this.#fill(this.#ratio);
  }

  /** Spends one retry. @returns false when there is none to spend */
  spend(): boolean {
    this.#fill(0);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** How long to wait before it makes sense to ask again, in ms. */
  get waitMs(): number {
    this.#fill(0);
    if (this.#tokens >= 1) return 0;
    return this.#perMs === 0 ? LOOK_AGAIN_MS : Math.ceil((1 - this.#tokens) / this.#perMs);
  }

  #fill(earned: number): void {
    const now = this.clock.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + earned + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
  }
}
