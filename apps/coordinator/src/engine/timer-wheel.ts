/**
 * Many timers at the price of one: wishes are kept in buckets of `resolutionMs`, and one interval empties those that
 * are due. A wish cannot be withdrawn; its owner checks whether it still wants to be woken.
 */
export class TimerWheel<T> {
  readonly #buckets = new Map<number, T[]>();
  readonly #interval: NodeJS.Timeout;
  #next: number;

  /**
   * @param resolutionMs how late a wish may be, in ms
   * @param now current Unix time in ms
   * @param onDue called once for each wish, never from within `schedule`
   */
  constructor(
    private readonly resolutionMs: number,
    private readonly now: () => number,
    private readonly onDue: (item: T) => void,
  ) {
    this.#next = this.#bucketOf(now());
    this.#interval = setInterval(() => this.#advance(), resolutionMs);
    this.#interval.unref();
  }

  /** @param at Unix ms; a time in the past is due at the next tick */
  schedule(at: number, item: T): void {
    const bucket = Math.max(this.#bucketOf(at) + 1, this.#next);
    const items = this.#buckets.get(bucket);
    if (items) items.push(item);
    else this.#buckets.set(bucket, [item]);
  }

  stop(): void {
    clearInterval(this.#interval);
    this.#buckets.clear();
  }

  #bucketOf(at: number): number {
    return Math.floor(at / this.resolutionMs);
  }

  #advance(): void {
    const until = this.#bucketOf(this.now());
    // After a pause of the process there may be far more buckets in the gap than wishes.
    const due =
      until - this.#next > this.#buckets.size
        ? [...this.#buckets.keys()].filter((bucket) => bucket <= until).sort((a, b) => a - b)
        : Array.from({ length: Math.max(0, until - this.#next + 1) }, (_, i) => this.#next + i);
    this.#next = Math.max(this.#next, until + 1);
    for (const bucket of due) {
      const items = this.#buckets.get(bucket);
      if (!items) continue;
      this.#buckets.delete(bucket);
      for (const item of items) this.onDue(item);
    }
  }
}
