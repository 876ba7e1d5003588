import type { BranchRecords } from './isolation.js';
import type { PreparedBranches } from './prepared-branches.js';
import type { Surroundings } from './surroundings.js';
import type { VoteRepeater } from './vote-repeater.js';
import { encodeVote } from './votes.js';

/**
 * Finds the prepared transactions of this participant that memory does not know: after a restart all of them, later
 * those of another owner that died. Each repeats its vote from then on, until the coordinator tells what became of it.
 */
export class OrphanSweep {
  constructor(
    private readonly records: BranchRecords,
    private readonly prepared: PreparedBranches,
    private readonly repeater: VoteRepeater,
    private readonly isExecuting: (transactionId: string) => boolean,
    private readonly surroundings: Surroundings,
  ) {}

  /** Answers how many were found that memory did not know. */
  async sweep(): Promise<number> {
    const { clock, logger, participant, limits } = this.surroundings;
    const beganMs = clock.nowMs();
    this.prepared.beginSweep();
    const found = await this.records.listPrepared();
    const unknown = this.prepared
      .reconcile(found, beganMs)
      .filter(({ transactionId }) => !this.isExecuting(transactionId)); // about to be known, with its results
    for (const { transactionId, ageMs, vote } of unknown) {
      const nowMs = clock.nowMs();
      // A fresh one may belong to another owner, who is about to hear the decision; an old one has waited enough.
      const dueMs = ageMs >= limits.voteRepeatBaseMs ? nowMs : this.repeater.firstDueMs(nowMs);
      logger.info({ transactionId, ageMs }, 'found a prepared branch');
      const repeated = vote ?? encodeVote(participant, transactionId, 'prepared', null);
      this.prepared.add(transactionId, repeated, nowMs - ageMs, dueMs);
    }
    return unknown.length;
  }
}
