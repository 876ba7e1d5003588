/**
 * A bound on what is under way that follows how long it takes: as much as is done within the target.
 *
 * By Little's law, throughput = under way / time. Beyond the point at which a resource is busy all the time, more under
 * way only makes it take longer; so a bound that keeps the time at a target, which is well above that of an idle
 * resource, holds as much as keeps it busy, whatever the machine. The signal is the delay of one resource alone, not
 * the whole answer time, as in "Overload Control for Scaling WeChat Microservices" (SoCC 2018, section 4.1); a fixed
 * target with increase and decrease in proportion to the distance from it is that of "Swift: Delay is Simple and
 * Effective for Congestion Control in the Datacenter" (SIGCOMM 2020). Gradients against the fastest time ever seen
 * (TCP Vegas, Netflix's concurrency-limits) were not taken: with group commit and batched sends throughput goes on
 * rising long after the time has, so that they settle far below the peak.
 *
 * A time beyond the target need not come from what is under way: the resource may be slow by itself. So every change is
 * also a trial: where the time does not follow it, that time is the resource's own, and the target gives way to it.
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
/** At its least it cannot fall, so the trial goes upwards. */
const TRIAL_AT_MIN = 1.4;
/** It counts as used where this share of it was. */
const USED_SHARE = 0.75;
/** A trial says something where what was under way has changed by this share. */
const TRIAL_CHANGE_MIN = 0.1;
/** The time follows where it changes by more than this power of the change: 1 is a queue, 0 a time of its own. */
const FOLLOWS_MIN = 0.5;
/** What a resource takes by itself may be exceeded by this factor; never more than so many targets. */
const OWN_TIME_FACTOR = 1.5;
const TARGETS_MAX = 8;

interface Window {
  readonly value: number;
  readonly used: number;
  readonly meanMs: number;
}

export class AdaptiveLimit {
  #value: number;
  #samples = 0;
  #sumMs = 0;
  #sumUsed = 0;
  #windowEndsAt = Number.NEGATIVE_INFINITY;
  /** What was before the trial that is under way. */
  #before: Window | undefined;
  /** What the resource takes by itself, as far as it is beyond the target. */
  #ownMs = 0;

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
    this.#sumUsed += used;
    if (now >= this.#windowEndsAt && this.#samples >= SAMPLES_MIN) this.#endWindow(now);
  }

  #endWindow(now: number): void {
    const window = { value: this.#value, used: this.#sumUsed / this.#samples, meanMs: this.#sumMs / this.#samples };
    this.#judge(window);
    this.#adapt(window);
    this.#samples = 0;
    this.#sumMs = 0;
    this.#sumUsed = 0;
    this.#windowEndsAt = now + Math.max(WINDOW_MS_MIN, window.meanMs);
  }

  /** What the last change has shown. */
  #judge({ used, meanMs }: Window): void {
    const before = this.#before;
    this.#before = undefined;
    if (!before || Math.abs(used / before.used - 1) < TRIAL_CHANGE_MIN) return;
    const follows = Math.log(meanMs / before.meanMs) / Math.log(used / before.used);
    this.#ownMs = follows < FOLLOWS_MIN ? meanMs : 0;
    if (this.#ownMs > 0) this.#value = Math.max(this.#value, before.value);
  }

  #adapt(window: Window): void {
    const { min, max, targetMs } = this.options;
    const { used, meanMs } = window;
    const allowedMs = Math.min(Math.max(targetMs, this.#ownMs * OWN_TIME_FACTOR), targetMs * TARGETS_MAX);
    if (meanMs <= allowedMs) {
      if (used < this.#value * USED_SHARE) return;
      this.#value = Math.min(max, this.#value * (1 + GROWTH_MAX * (1 - meanMs / allowedMs)) + 1);
      return;
    }
    this.#before = window;
    const from = Math.min(this.#value, Math.max(used, min));
    const to = Math.max(min, from * Math.max(FALL_MIN, allowedMs / meanMs));
    const canFall = from > min && used > min;
    this.#value = canFall ? to : Math.min(max, min * TRIAL_AT_MIN);
  }
}
