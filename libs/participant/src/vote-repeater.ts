import { backoffMs } from './backoff.js';
import type { PreparedBranches } from './prepared-branches.js';
import type { Replies } from './replies.js';
import type { Surroundings } from './surroundings.js';

/** Votes sent in one turn; the others follow in the next. */
const REPEATS_PER_TURN_MAX = 200;

/**
 * D6: a prepared branch repeats its vote until it hears a decision, each at its own pace, slower and slower up to a cap.
 * The answer is the decision, sent again.
 */
export class VoteRepeater {
  constructor(
    private readonly prepared: PreparedBranches,
    private readonly replies: Replies,
    private readonly surroundings: Surroundings,
  ) {}

  /** When a branch that was prepared now repeats its vote for the first time, Unix time in ms. */
  firstDueMs(nowMs: number): number {
    return nowMs + this.#pauseMs(1);
  }

  /** To be called a few times per second. Answers how many votes were sent. */
  turn(nowMs: number): number {
    const due = this.prepared.due(nowMs, REPEATS_PER_TURN_MAX);
    for (const branch of due) {
      branch.repeats += 1;
      branch.dueMs = nowMs + this.#pauseMs(branch.repeats + 1);
      this.surroundings.logger.debug({ transactionId: branch.transactionId, repeats: branch.repeats }, 'vote repeated');
      this.replies.repeatVote(branch.transactionId, branch.vote);
    }
    return due.length;
  }

  #pauseMs(attempt: number): number {
    const { limits, random } = this.surroundings;
    return backoffMs(attempt, limits.voteRepeatBaseMs, limits.voteRepeatCapMs, random);
  }
}
