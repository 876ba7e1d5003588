import { setTimeout as sleep } from 'node:timers/promises';
import type { CommitCommand, RollbackCommand } from '@concordat/protocol';
import { backoffMs } from './backoff.js';
import type { BranchStore, FinaliseResult } from './branch-store.js';
import { conclude } from './conclude.js';
import type { BranchState } from './decisions.js';
import type { BranchFinaliser, Finalised } from './isolation.js';
import type { ParticipantState } from './participant-state.js';
import { classifyDatabaseError } from './sql-state.js';
import type { Surroundings } from './surroundings.js';
import { inDatabaseSpan } from './tracing.js';

/** Attempts over a broken connection, and looks at a branch that another copy holds; the rest is left to the resend. */
const CONNECTION_ATTEMPTS_MAX = 3;
const ROLLBACK_ATTEMPTS_MAX = 6;
const PAUSE_BASE_MS = 20;
const PAUSE_CAP_MS = 200;

/**
 * Carries out decisions with `COMMIT PREPARED` and `ROLLBACK PREPARED`. What it answers is durable (D7); where it answers nothing, nothing is told, and the
 * coordinator sends its decision again.
 */
export class Finaliser implements BranchFinaliser {
  constructor(
    private readonly store: BranchStore,
    private readonly state: ParticipantState,
    private readonly surroundings: Surroundings,
  ) {}

  /** `knownPrepared`: memory says so. Otherwise the branch row is looked at first. */
  commit(command: CommitCommand, knownPrepared: boolean): Promise<Finalised | undefined> {
    return this.#guard(command, async () => {
      const { transactionId } = command;
      if (!knownPrepared) {
        const decision = await this.store.readDecision(transactionId);
        if (decision !== undefined) return this.#conclude(command, decision);
      }
      const result = await inDatabaseSpan('COMMIT PREPARED', () => this.store.commitPrepared(transactionId));
      if (result === 'busy') return undefined; // another session finalises it; the resend will find it done
      if (result === 'finalised') return this.#conclude(command, 'committed');
      return this.#conclude(command, (await this.store.readDecision(transactionId)) ?? 'absent');
    });
  }

  /** The execution of the same transaction in this process, if any, has ended before. */
  rollback(command: RollbackCommand, knownPrepared: boolean): Promise<Finalised | undefined> {
    return this.#guard(command, async () => {
      const { transactionId } = command;
      const belowHorizon = this.state.isBelowHorizon(transactionId, command.horizon);
      let maybePrepared = knownPrepared || belowHorizon;
      for (let attempt = 1; attempt <= ROLLBACK_ATTEMPTS_MAX; attempt += 1) {
        if (maybePrepared && (await this.#rollbackPrepared(transactionId)) === 'busy') return undefined;
        const found = belowHorizon
          ? ((await this.store.readDecision(transactionId)) ?? 'absent')
          : await this.#leaveAbortRow(transactionId);
        if (found !== 'held') return this.#conclude(command, found);
        // Another copy of the transaction is at work, here or in another process, or prepared since.
        maybePrepared = true;
        await sleep(backoffMs(attempt, PAUSE_BASE_MS, PAUSE_CAP_MS, this.surroundings.random));
      }
      return undefined;
    });
  }

  #rollbackPrepared(transactionId: string): Promise<FinaliseResult> {
    return inDatabaseSpan('ROLLBACK PREPARED', () => this.store.rollbackPrepared(transactionId));
  }

  /** S8: a prepare that comes later finds the row. Answers the decision the row now tells. */
  async #leaveAbortRow(transactionId: string): Promise<'committed' | 'aborted' | 'held'> {
    const result = await this.store.insertAbortRow(transactionId);
    if (result === 'inserted') return 'aborted';
    if (result === 'busy') return 'held';
    return (await this.store.readDecision(transactionId)) ?? 'held';
  }

  #conclude(command: CommitCommand | RollbackCommand, found: BranchState): Finalised {
    return conclude(command, found, this.state, this.surroundings);
  }

  /** Retries over broken connections, then reports: a decision is never dropped, the resend brings it back. */
  async #guard(
    command: CommitCommand | RollbackCommand,
    work: () => Promise<Finalised | undefined>,
  ): Promise<Finalised | undefined> {
    const { metrics, logger, random } = this.surroundings;
    const { transactionId, type } = command;
    const endTimer = metrics.finaliseSeconds.startTimer({ type });
    for (let attempt = 1; ; attempt += 1) {
      try {
        const finalised = await work();
        endTimer();
        this.state.troubles.over(transactionId);
        return finalised;
      } catch (error) {
        const connection = classifyDatabaseError(error) === 'connection';
        if (connection && attempt < CONNECTION_ATTEMPTS_MAX) {
          await sleep(backoffMs(attempt, PAUSE_BASE_MS, PAUSE_CAP_MS, random));
          continue;
        }
        this.state.troubles.note(transactionId, error);
        metrics.finaliseFailures.inc({ type });
        logger.error({ transactionId, err: error }, `${type} failed; the coordinator will send it again`);
        return undefined;
      }
    }
  }
}
