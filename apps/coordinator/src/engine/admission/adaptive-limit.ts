/**
 * A bound on what is under way that follows how long it takes: as much as is done within the target.
 *
 * By Little's law, throughput = under way / time. Beyond the point at which the resource is busy all the time, more under
 * way only makes it take longer; so a bound that keeps the time at a target, which is well above that of an idle
 * resource, holds as much as keeps it busy, whatever the machine. The signal is the delay of one resource alone, not
 * the whole answer time, as in "Overload Control for Scaling WeChat Microservices" (SoCC 2018, section 4.1); a fixed
 * target with increase and decrease in proportion to the distance from it is that of "Swift: Delay is Simple and
 * Effective for Congestion Control in the Datacenter" (SIGCOMM 2020). Gradients against the fastest time ever seen
 * (TCP Vegas, Netflix's concurrency-limits) were not taken: with group commit and batched sends throughput goes on
 * rising long after the time has, so that they settle far below the peak.
 *
 * Invariants: min <= value <= max; it changes at most once in the time that an answer takes, since an earlier change
 * shows only then; it grows only while it is what holds work back.
 */
export interface AdaptiveLimitOptions {
  readonly min: number;
  readonly max: number;
  readonly atFirst: number;
  readonly targetMs: number;
}

const WINDOW_MS_MIN = 100;
const SAMPLES_MIN = 10;
/** In one step it falls to this share at the least, and grows by this share at the most. */
const FALL_MIN = 0.7;
const GROWTH_MAX = 0.2;
/** It counts as used where this share of it was. */
const USED_SHARE = 0.75;

export class AdaptiveLimit {
  #value: number;
  #samples = 0;
  #sumMs = 0;
  #usedMax = 0;
  #windowEndsAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: AdaptiveLimitOptions) {
    const { min, max, atFirst } = options;
    this.options = { ...options, min: Math.min(min, max) };
    this.#value = Math.min(atFirst, max);
  }

  get value(): number {
    return Math.floor(this.#value);
  }

  /**
   * @param tookMs how long one piece of work took
   * @param used how much was under way
   * @param now Unix ms
   */
  sample(tookMs: number, used: number, now: number): void {
    if (this.#samples === 0) this.#windowEndsAt = Math.max(this.#windowEndsAt, now);
    this.#samples += 1;
    this.#sumMs += tookMs;
    this.#usedMax = Math.max(this.#usedMax, used);
    if (now >= this.#windowEndsAt && this.#samples >= SAMPLES_MIN) this.#adapt(now);
  }

  #adapt(now: number): void {
    const { min, max, targetMs } = this.options;
    const meanMs = this.#sumMs / this.#samples;
    if (meanMs > targetMs) {
      const from = Math.min(this.#value, Math.max(this.#usedMax, min));
      this.#value = Math.max(min, from * Math.max(FALL_MIN, targetMs / meanMs));
    } else if (this.#usedMax >= this.#value * USED_SHARE) {
      this.#value = Math.min(max, this.#value * (1 + GROWTH_MAX * (1 - meanMs / targetMs)) + 1);
    }
    this.#samples = 0;
    this.#sumMs = 0;
    this.#usedMax = 0;
    this.#windowEndsAt = now + Math.max(WINDOW_MS_MIN, meanMs);
  }
}
