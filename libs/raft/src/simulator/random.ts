/** All randomness of a simulation: the same seed gives the same run, to the letter. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) >>> 0;
    for (let warm = 0; warm < 4; warm++) this.#next();
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor((this.#next() / 2 ** 32) * bound);
  }

  /** An integer in [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** A random subset of the given size, in random order. */
  sample<T>(choices: readonly T[], size: number): T[] {
    const pool = [...choices];
    const chosen: T[] = [];
    while (chosen.length < size && pool.length > 0) chosen.push(...pool.splice(this.below(pool.length), 1));
    return chosen;
  }

  /** An independent stream, so that one part of a simulation does not shift the dice of another. */
  fork(): SeededRandom {
    return new SeededRandom(this.#next());
  }

  /** Mulberry32: 32 random bits. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
