/**
 * How many of those who wait are let in each second, measured only while somebody waits: at other times the pace is that
 * of the callers and says nothing about what could be done. The past fades with `MEMORY_MS` of such time.
 */
const MEMORY_MS = 2_000;
/** Until something was measured: this much, as if seen for so long. */
const RATE_AT_FIRST_PER_S = 500;
const SEEN_AT_FIRST_MS = 50;
/** Where nothing drains at all; keeps expectations finite. */
const RATE_MIN_PER_MS = 1e-6;

export class DrainRate {
  #weightMs = SEEN_AT_FIRST_MS;
  #drained = (RATE_AT_FIRST_PER_S / 1000) * SEEN_AT_FIRST_MS;
  #since: number | undefined;

  /** Somebody waits from now on. */
  begin(now: number): void {
    this.#since ??= now;
  }

  /** Nobody waits any more. */
  end(now: number): void {
    this.#fade(now);
    this.#since = undefined;
  }

  drained(now: number): void {
    if (this.#since === undefined) return;
    this.#fade(now);
    this.#drained += 1;
  }

  /** Per ms. */
  rate(now: number): number {
    this.#fade(now);
    return Math.max(RATE_MIN_PER_MS, this.#drained / this.#weightMs);
  }

  #fade(now: number): void {
    if (this.#since === undefined || now <= this.#since) return;
    const kept = Math.exp(-(now - this.#since) / MEMORY_MS);
    this.#weightMs = this.#weightMs * kept + MEMORY_MS * (1 - kept);
    this.#drained *= kept;
    this.#since = now;
  }
}
