import { ProgressMap } from '../confchange/changer.js';
import { ClusterConfig } from '../confchange/cluster-config.js';
import { AckedIndexer, VoteResult } from '../quorum/majority.js';
import { Progress } from './progress.js';

/**
 * The active configuration with what is known of each member, and the votes of a running election.
 *
 * T1 Everyone in the configuration has a progress, and nobody else.
 */
export class Tracker implements AckedIndexer {
  config: ClusterConfig = ClusterConfig.empty;
  /** By id, in ascending order of ids. */
  progress: ProgressMap = new Map();
  readonly #votes = new Map<number, boolean>();

  ackedIndex(voter: number): number | undefined {
    return this.progress.get(voter)?.match;
  }

  /** The highest index that a quorum holds. */
  committedIndex(): number {
    return this.config.voters.committedIndex(this);
  }

  isQuorumActive(): boolean {
    const active = new Map<number, boolean>();
    for (const [id, peer] of this.progress) if (!peer.isLearner) active.set(id, peer.recentActive);
    return this.config.voters.voteResult(active) === 'won';
  }

  resetVotes(): void {
    this.#votes.clear();
  }

  /** Only a voter's first answer counts. */
  recordVote(id: number, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  tallyVotes(): { granted: number; rejected: number; result: VoteResult } {
    let granted = 0;
    let rejected = 0;
    for (const [id, peer] of this.progress) {
      const vote = this.#votes.get(id);
      if (peer.isLearner || vote === undefined) continue;
      if (vote) granted++;
      else rejected++;
    }
    return { granted, rejected, result: this.config.voters.voteResult(this.#votes) };
  }

  get(id: number): Progress | undefined {
    return this.progress.get(id);
  }
}
