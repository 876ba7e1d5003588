import type { Candidate, Policy } from './policy.js';

/** One after the other; whoever cannot be called is passed over. */
export class RoundRobinPolicy implements Policy {
  #last: number;

  /** @param start position before the first one picked; differing ones keep clients from marching in step */
  constructor(start = -1) {
    this.#last = start;
  }

  pick<C extends Candidate>(candidates: readonly C[]): C {
    const next = candidates.find(({ index }) => index > this.#last) ?? (candidates[0] as C);
    this.#last = next.index;
    return next;
  }
}
