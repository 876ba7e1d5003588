import { setTimeout as sleep } from 'node:timers/promises';
import type { CommitCommand, RollbackCommand } from '@concordat/protocol';
import { type Decision, type FinaliseAnswer, finalise } from '@concordat/snapshot';
import type pg from 'pg';
import { backoffMs } from '../backoff.js';
import { conclude, hazard } from '../conclude.js';
import type { BranchState } from '../decisions.js';
import type { BranchFinaliser, Finalised } from '../isolation.js';
import type { ParticipantState } from '../participant-state.js';
import { classifyDatabaseError } from '../sql-state.js';
import type { Surroundings } from '../surroundings.js';
import { inDatabaseSpan } from '../tracing.js';
import { withConnection } from './database.js';
import { Gatherer } from './gatherer.js';
import type { Sessions } from './sessions.js';
import type { StatusClient } from './status-client.js';
import type { VersionedEntities } from './versioned-entities.js';

/** Attempts over broken connections and deadlocks; the rest is left to the resend. */
const ATTEMPTS_MAX = 3;
const PAUSE_BASE_MS = 20;
const PAUSE_CAP_MS = 200;

/**
 * Carries out decisions on versions (S5), those that come one soon after the other together in one database transaction.
 * The caller of a transaction has its answer already, and readers know the outcome: nobody waits but who is in the way.
 * What it answers is durable (D7); one decision that fails does not keep the others back.
 */
export class GlobalFinaliser implements BranchFinaliser {
  readonly #decisions: Gatherer<Decision, FinaliseAnswer | undefined>;

  constructor(
    private readonly pool: pg.Pool,
    private readonly entities: VersionedEntities,
    private readonly statuses: StatusClient,
    private readonly sessions: Sessions,
    private readonly state: ParticipantState,
    private readonly surroundings: Surroundings,
  ) {
    const { finaliseBatchMax, finalisePaceMs } = surroundings.limits;
    this.#decisions = new Gatherer((decisions) => this.#carryOut(decisions), finaliseBatchMax, finalisePaceMs);
  }

  async commit(command: CommitCommand): Promise<Finalised | undefined> {
    const { transactionId, csn } = command;
    this.statuses.learn(transactionId, { status: 'committed', csn });
    await this.sessions.end(transactionId, 'rollback');
    const answer = await this.#timed(command, { transactionId, csn });
    if (answer === undefined) return undefined;
    if (answer.found === 'committed' && answer.csn !== csn) {
      return hazard(command, `told to commit as ${csn} what was committed as ${answer.csn}`, this.surroundings);
    }
    return this.#conclude(command, answer.found === 'prepared' ? 'committed' : answer.found);
  }

  async rollback(command: RollbackCommand): Promise<Finalised | undefined> {
    const { transactionId } = command;
    // D6: "unknown to me" is an abort to the branch itself, not to those who meet its intents.
    if (!command.presumed) this.statuses.learn(transactionId, { status: 'aborted' });
    await this.sessions.end(transactionId, 'rollback');
    const leaveAbortRow = !this.state.isBelowHorizon(transactionId, command.horizon);
    const answer = await this.#timed(command, { transactionId, csn: null, leaveAbortRow });
    if (answer === undefined) return undefined;
    const aborted = answer.found === 'prepared' || (answer.found === 'absent' && leaveAbortRow);
    return this.#conclude(command, aborted ? 'aborted' : answer.found);
  }

  /** Carries out what was heard of transactions of others, so that their intents are out of the way. */
  async settle(decisions: readonly Decision[]): Promise<boolean> {
    const answers = await Promise.all(decisions.map((decision) => this.#decisions.add(decision, true)));
    return answers.every((answer) => answer !== undefined);
  }

  #conclude(command: CommitCommand | RollbackCommand, found: BranchState): Finalised {
    return conclude(command, found, this.state, this.surroundings);
  }

  async #timed({ type }: CommitCommand | RollbackCommand, decision: Decision): Promise<FinaliseAnswer | undefined> {
    const endTimer = this.surroundings.metrics.finaliseSeconds.startTimer({ type });
    const answer = await inDatabaseSpan(`${type} branch`, () => this.#decisions.add(decision));
    if (answer) endTimer();
    if (answer) this.state.troubles.over(decision.transactionId);
    return answer;
  }

  /** Of several decisions about one transaction each is carried out after the one before. */
  async #carryOut(decisions: readonly Decision[]): Promise<readonly (FinaliseAnswer | undefined)[]> {
    const answers = new Array<FinaliseAnswer | undefined>(decisions.length);
    let open = decisions.map((decision, index) => ({ decision, index }));
    while (open.length > 0) {
      const seen = new Set<string>();
      const round = open.filter(
        ({ decision }) => !seen.has(decision.transactionId) && seen.add(decision.transactionId),
      );
      const inRound = new Set(round);
      open = open.filter((one) => !inRound.has(one));
      const found = await this.#together(round.map(({ decision }) => decision));
      for (const [position, { index }] of round.entries()) answers[index] = found[position];
    }
    return answers;
  }

  async #together(decisions: readonly Decision[]): Promise<readonly (FinaliseAnswer | undefined)[]> {
    try {
      return await this.#attempts(decisions);
    } catch (error) {
      const [first, ...others] = decisions;
      if (first === undefined) return [];
      // The one that cannot be carried out must not keep the others back.
      if (others.length > 0) {
        const answers: (FinaliseAnswer | undefined)[] = [];
        for (const decision of decisions) answers.push(...(await this.#together([decision])));
        return answers;
      }
      this.#report(first, error);
      return [undefined];
    }
  }

  async #attempts(decisions: readonly Decision[]): Promise<readonly FinaliseAnswer[]> {
    const { participant, random, metrics } = this.surroundings;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answers = await withConnection(this.pool, (db) =>
          finalise(db, participant, this.entities.tables, decisions),
        );
        metrics.finaliseBatch.inc();
        return answers;
      } catch (error) {
        const failure = classifyDatabaseError(error);
        const passing = failure === 'connection' || failure === 'serialization';
        if (!passing || attempt >= ATTEMPTS_MAX) throw error;
        await sleep(backoffMs(attempt, PAUSE_BASE_MS, PAUSE_CAP_MS, random));
      }
    }
  }

  #report({ transactionId, csn }: Decision, error: unknown): void {
    const { metrics, logger } = this.surroundings;
    const type = csn === null ? 'rollback' : 'commit';
    // A prepare of the same transaction, run by another owner, still holds its row: the resend will find it ended.
    if (classifyDatabaseError(error) === 'lock-timeout') return;
    this.state.troubles.note(transactionId, error);
    metrics.finaliseFailures.inc({ type });
    logger.error({ transactionId, err: error }, `${type} failed; the coordinator will send it again`);
  }
}
