import type { BranchRecords } from './isolation.js';
import type { PreparedBranches } from './prepared-branches.js';
import type { Surroundings } from './surroundings.js';
import type { VoteRepeater } from './vote-repeater.js';
import { encodeVote } from './votes.js';

/** Intents without a branch are looked for at the start and then in every so many sweeps: all of them have to be looked at. */
export const INTENTS_LOOKED_AT_EVERY_SWEEPS = 20;
/** Branches made anew in one sweep, per table. */
const ADOPTED_MAX = 1_000;

/**
 * Finds the prepared transactions of this participant that memory does not know: after a restart all of them, later
 * those of another owner that died. Each repeats its vote from then on, until the coordinator tells what became of it.
 * What has lost its branch row, by whatever hand, gets it back and asks too. What is of no transaction is told in
 * heartbeats and logs: nobody but an operator of the database can know what it is.
 */
export class OrphanSweep {
  /** What is prepared under our prefix and of no transaction, at the last sweep. */
  foreign = 0;
  #sweeps = 0;

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
    await this.#lookForStrays();
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

  async #lookForStrays(): Promise<void> {
    const { logger, metrics } = this.surroundings;
    const foreign = await this.records.countForeign();
    if (foreign !== this.foreign) logger.warn({ foreign }, 'prepared under our prefix, and of no transaction');
    this.foreign = foreign;
    this.#sweeps += 1;
    if (this.#sweeps % INTENTS_LOOKED_AT_EVERY_SWEEPS !== 1) return;
    for (const transactionId of await this.records.adoptLost(ADOPTED_MAX)) {
      metrics.lostBranches.inc();
      logger.error({ transactionId }, 'intents without a branch row; it was made anew and asks for its decision');
    }
  }
}
