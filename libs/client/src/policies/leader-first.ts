import type { Candidate, Policy } from './policy.js';

/** What needs the leader goes to it, which saves the hop over another replica; the rest, and all while none is known, by `others`. */
export class LeaderFirstPolicy implements Policy {
  constructor(private readonly others: Policy) {}

  pick<C extends Candidate>(candidates: readonly C[], needsLeader: boolean): C {
    const leader = needsLeader ? candidates.find(({ leads }) => leads) : undefined;
    return leader ?? this.others.pick(candidates, needsLeader);
  }
}
