import type { Clock } from './clock.js';

export interface CircuitBreakerOptions {
  /** Share of failed calls in the window that opens it; 0.5 when left out. */
  readonly failureRatio?: number;
  /** Calls in the window below which it stays closed; 5 when left out. */
  readonly callsMin?: number;
  /** Length of the window, in ms; 10,000 when left out. */
  readonly windowMs?: number;
  /** How long it stays open at first, in ms; 500 when left out. Doubles with each failed probe. */
  readonly openMs?: number;
  /** How long it stays open at most, in ms; 5,000 when left out. */
  readonly openMsMax?: number;
}

export type CircuitState = 'closed' | 'open' | 'half-open';

/** Leave to make one call. It is told how the call went, once; what it is told later counts nothing. */
export interface Permit {
  succeeded(): void;
  failed(): void;
  /** Nobody waits for the answer any more: it says nothing about the replica. */
  cancelled(): void;
}

const BUCKETS = 10;

interface Bucket {
  /** Which stretch of time it counts; older ones are emptied when they are used again. */
  number: number;
  calls: number;
  failures: number;
}

/**
 * Spares a replica that fails, and those who would wait for it (Nygard, *Release It!*).
 *
 *  - closed: calls go through and are counted in a sliding window; too large a share of failures opens it;
 *  - open: no call goes through until `openMs` is over;
 *  - half-open: one probe at a time; its success closes, its failure opens again, for twice as long. A probe that has
 *    not come back within `openMs` no longer keeps the next one waiting.
 *
 * Calls that began before the last change of state count nothing.
 */
export class CircuitBreaker {
  readonly #options: Required<CircuitBreakerOptions>;
  readonly #buckets: Bucket[] = Array.from({ length: BUCKETS }, () => ({ number: -1, calls: 0, failures: 0 }));
  #state: CircuitState = 'closed';
  /** Grows with every change of state. */
  #period = 0;
  #openMs: number;
  #openUntil = 0;
  #probeUntil = 0;

  constructor(
    options: CircuitBreakerOptions,
    private readonly clock: Clock,
  ) {
    const defaults = { failureRatio: 0.5, callsMin: 5, windowMs: 10_000, openMs: 500, openMsMax: 5_000 };
    this.#options = { ...defaults, ...options };
    this.#openMs = this.#options.openMs;
  }

  get state(): CircuitState {
    return this.#state === 'open' && this.clock.now() >= this.#openUntil ? 'half-open' : this.#state;
  }

  /** How long until a call may be made, in ms; 0 when one may be made now. */
  get waitMs(): number {
    if (this.#state === 'closed') return 0;
    const from = this.#state === 'open' ? this.#openUntil : this.#probeUntil;
    return Math.max(0, from - this.clock.now());
  }

  /** @returns undefined where no call may be made now */
  permit(): Permit | undefined {
    if (this.waitMs > 0) return undefined;
    if (this.#state !== 'closed') {
      if (this.#state === 'open') this.#become('half-open');
      this.#probeUntil = this.clock.now() + this.#openMs;
    }
    const period = this.#period;
    let told = false;
    const once = (act: () => void) => () => {
      if (told || period !== this.#period) return;
      told = true;
      act();
    };
    return {
      succeeded: once(() => this.#onSuccess()),
      failed: once(() => this.#onFailure()),
      cancelled: once(() => {
        this.#probeUntil = 0;
      }),
    };
  }

  #onSuccess(): void {
    if (this.#state === 'closed') this.#bucket().calls += 1;
    else this.#close();
  }

  #onFailure(): void {
    if (this.#state === 'half-open') {
      this.#openMs = Math.min(this.#options.openMsMax, this.#openMs * 2);
      return this.#open();
    }
    const bucket = this.#bucket();
    bucket.calls += 1;
    bucket.failures += 1;
    const { calls, failures } = this.#counts();
    if (calls >= this.#options.callsMin && failures >= calls * this.#options.failureRatio) this.#open();
  }

  #open(): void {
    this.#become('open');
    this.#openUntil = this.clock.now() + this.#openMs;
  }

  #close(): void {
    this.#become('closed');
    this.#openMs = this.#options.openMs;
    for (const bucket of this.#buckets) Object.assign(bucket, { calls: 0, failures: 0 });
  }

  #become(state: CircuitState): void {
    this.#state = state;
    this.#period += 1;
  }

  #bucket(): Bucket {
    const number = this.#bucketNumber();
    const bucket = this.#buckets[number % BUCKETS] as Bucket;
    if (bucket.number !== number) Object.assign(bucket, { number, calls: 0, failures: 0 });
    return bucket;
  }

  #counts(): { calls: number; failures: number } {
    const oldest = this.#bucketNumber() - BUCKETS + 1;
    const counts = { calls: 0, failures: 0 };
    for (const bucket of this.#buckets) {
      if (bucket.number < oldest) continue;
      counts.calls += bucket.calls;
      counts.failures += bucket.failures;
    }
    return counts;
  }

  #bucketNumber(): number {
    return Math.floor(this.clock.now() / (this.#options.windowMs / BUCKETS));
  }
}
