import type { Random } from '../clock.js';
import type { Candidate, Policy } from './policy.js';

/** Each with a probability in proportion to its weight, among those that can be called. */
export class WeightedPolicy implements Policy {
  /**
   * @param weights by url as the client was given it; 0 only while no other can be called
   * @throws RangeError when a weight is negative or not finite, or a url has none
   */
  constructor(
    private readonly weights: Readonly<Record<string, number>>,
    private readonly random: Random,
    urls: readonly string[] = Object.keys(weights),
  ) {
    for (const url of urls) {
      const weight = weights[url];
      if (weight === undefined || !(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
        throw new RangeError(`The weight of ${url} must be a number that is not negative.`);
      }
    }
  }

  pick<C extends Candidate>(candidates: readonly C[]): C {
    const weightOf = ({ url }: C) => this.weights[url] ?? 0;
    const total = candidates.reduce((sum, candidate) => sum + weightOf(candidate), 0);
    let left = this.random() * total;
    const picked = candidates.find((candidate) => {
      left -= weightOf(candidate);
      return left < 0;
    });
    return picked ?? (candidates[Math.floor(this.random() * candidates.length)] as C);
  }
}
