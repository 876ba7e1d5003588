/**
 * How long a participant takes to answer: mean and deviation, as TCP keeps them for its retransmissions (Jacobson and
 * Karels, "Congestion Avoidance and Control", 1988; RFC 6298). A resend that comes before the answer could be there is
 * work for nothing, and most of all where there is too much work already.
 */
const MEAN_GAIN = 1 / 8;
const DEVIATION_GAIN = 1 / 4;
const DEVIATIONS = 4;

export class ResponseTime {
  #meanMs: number | undefined;
  #deviationMs = 0;

  sample(tookMs: number): void {
    if (this.#meanMs === undefined) {
      this.#meanMs = tookMs;
      this.#deviationMs = tookMs / 2;
      return;
    }
    const error = tookMs - this.#meanMs;
    this.#meanMs += MEAN_GAIN * error;
    this.#deviationMs += DEVIATION_GAIN * (Math.abs(error) - this.#deviationMs);
  }

  /** Later than almost every answer, in ms; 0 where nothing is known. */
  get lateMs(): number {
    return this.#meanMs === undefined ? 0 : this.#meanMs + DEVIATIONS * this.#deviationMs;
  }
}
