import type { Random } from '../clock.js';
import type { Candidate, Policy } from './policy.js';

/** Each with the same probability. */
export class RandomPolicy implements Policy {
  constructor(private readonly random: Random) {}

  pick<C extends Candidate>(candidates: readonly C[]): C {
    return candidates[Math.floor(this.random() * candidates.length)] as C;
  }
}
