/** How long the last calls took: enough of them for a quantile, few enough to follow a change. */
export class LatencyWindow {
  readonly #latenciesMs: number[] = [];
  #next = 0;

  /** @param size how many are kept */
  constructor(private readonly size = 128) {}

  add(latencyMs: number): void {
    this.#latenciesMs[this.#next] = latencyMs;
    this.#next = (this.#next + 1) % this.size;
  }

  get count(): number {
    return this.#latenciesMs.length;
  }

  /**
   * The smallest latency, in ms, that a share `quantile` of the kept ones does not exceed; undefined while there is none.
   * @param quantile in (0, 1]
   */
  quantileMs(quantile: number): number | undefined {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(sorted.length * quantile) - 1)];
  }
}
