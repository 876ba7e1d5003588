import { backoffMs } from './backoff.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { decide } from './decisions.js';
import type { PrepareExecution } from './execution.js';
import type { BranchExecutor } from './isolation.js';
import { OperationError, type ResolvedCall, refusedByError, resolveCalls, runCalls } from './operation-calls.js';
import type { OperationRegistry } from './operation-registry.js';
import type { ParticipantState } from './participant-state.js';
import { cancelled, type PrepareOutcome, reasonOfAction, refused, refusedByCancel } from './prepare-outcome.js';
import type { PrepareSession, PrepareSessions } from './prepare-session.js';
import { classifyDatabaseError, type DatabaseFailure } from './sql-state.js';
import type { Surroundings } from './surroundings.js';
import { encodeVote } from './votes.js';

type RetryCause = 'serialization' | 'lock-timeout' | 'prepare-capacity' | 'connection' | 'other-copy';
type AttemptOutcome = PrepareOutcome | { readonly kind: 'retry'; readonly cause: RetryCause };

/** Said of operations that are to run outside of a prepare. */
export const NO_SESSIONS = 'A participant with local isolation runs operations within prepare only.';

/** A lock that was not given twice is most likely held by a transaction that waits for us in another database. */
const LOCK_TIMEOUTS_MAX = 2;

/**
 * Runs the operations of a prepare and makes the branch durable.
 *
 * Invariants:
 * - all operations of a branch run in order in one database transaction, whose first statement inserts the branch row;
 * - nothing is retried once the branch may be prepared: the branch row of an earlier attempt then stops the next;
 * - another copy of the same transaction never makes this one vote no.
 */
export class PrepareExecutor implements BranchExecutor {
  readonly #places: ConcurrencyLimit;

  constructor(
    private readonly registry: OperationRegistry,
    private readonly sessions: PrepareSessions,
    private readonly state: ParticipantState,
    private readonly surroundings: Surroundings,
  ) {
    this.#places = new ConcurrencyLimit(surroundings.limits.prepareConcurrency);
  }

  async run(execution: PrepareExecution): Promise<PrepareOutcome> {
    const { limits, random, clock, metrics } = this.surroundings;
    const { command } = execution;
    if (command.serializable) {
      // One common snapshot, let alone an order of all, is more than a database of its own can promise.
      return refused(
        'isolation-mismatch',
        'A participant with local isolation takes no serializable transaction.',
        false,
      );
    }
    if (command.session !== undefined) return refused('isolation-mismatch', NO_SESSIONS, false);
    const calls = resolveCalls(command.operations, this.registry);
    if (!Array.isArray(calls)) return { kind: 'refused', reason: calls.reason };
    let lockTimeouts = 0;
    for (let attempt = 1; ; attempt += 1) {
      if (!(await this.#places.acquire(execution.signal))) return cancelled(execution);
      const outcome = await this.#attempt(execution, calls).finally(() => this.#places.release());
      if (outcome.kind !== 'retry') return outcome;
      const { cause } = outcome;
      metrics.retries.inc({ cause });
      if (cause === 'lock-timeout') lockTimeouts += 1;
      const pauseMs = backoffMs(attempt, limits.prepareRetryBaseMs, limits.prepareRetryCapMs, random);
      const exhausted = attempt >= limits.prepareAttemptsMax || lockTimeouts >= LOCK_TIMEOUTS_MAX;
      if (exhausted || clock.nowMs() + pauseMs >= execution.deadlineMs) return exhaustedBy(cause);
      if (!(await execution.pause(pauseMs))) return cancelled(execution);
    }
  }

  async #attempt(execution: PrepareExecution, calls: readonly ResolvedCall[]): Promise<AttemptOutcome> {
    let session: PrepareSession | undefined;
    try {
      await this.state.admitIncarnationOf(execution.transactionId);
      session = await this.sessions.open(execution);
      const readOnly = calls.every(({ operation }) => operation.options.readOnly === true);
      return readOnly ? await this.#readOnly(session, calls) : await this.#readWrite(session, calls);
    } catch (error) {
      return this.#failed(execution, error, session?.failure);
    } finally {
      await session?.close();
    }
  }

  async #readOnly(session: PrepareSession, calls: readonly ResolvedCall[]): Promise<AttemptOutcome> {
    await session.beginReadOnly();
    const results = await runCalls(session, calls);
    const vote = encodeVote(this.surroundings.participant, session.transactionId, 'read-only', results);
    return { kind: 'read-only', vote };
  }

  async #readWrite(session: PrepareSession, calls: readonly ResolvedCall[]): Promise<AttemptOutcome> {
    switch (await session.begin()) {
      case 'begun':
        break;
      case 'held-by-other-copy':
        return (await session.isPrepared()) ? { kind: 'prepared-elsewhere' } : { kind: 'retry', cause: 'other-copy' };
      case 'not-admitted':
        return this.#notAdmitted(session);
    }
    const results = await runCalls(session, calls);
    const vote = encodeVote(this.surroundings.participant, session.transactionId, 'prepared', results);
    // Persist before send (D7 for votes): the yes vote goes out only after this statement has returned.
    await session.prepare();
    return { kind: 'prepared', vote };
  }

  /** The branch row was not inserted: either it is there, or the state of the participant does not admit it. */
  async #notAdmitted(session: PrepareSession): Promise<AttemptOutcome> {
    const { transactionId } = session;
    const decision = await session.readDecision();
    await this.state.load();
    const action = decide('prepare', decision ?? 'absent', {
      belowHorizon: this.state.isBelowHorizon(transactionId),
      staleIncarnation: this.state.isStale(transactionId),
      presumed: false,
    });
    const reason = reasonOfAction(action);
    if (reason) return { kind: 'refused', reason };
    // `execute` after all: the row went away meanwhile.
    return action === 'ignore' ? { kind: 'silent' } : { kind: 'retry', cause: 'other-copy' };
  }

  #failed(execution: PrepareExecution, error: unknown, swallowed: DatabaseFailure | undefined): AttemptOutcome {
    const { logger, clock } = this.surroundings;
    const { transactionId } = execution;
    if (execution.cancelledBy !== undefined) return cancelled(execution);
    // What the operation made of a failed statement does not matter where the statement may succeed another time. Its
    // other errors may come from anywhere, so only those of our own statements are looked at as such.
    const failure = swallowed ?? (error instanceof OperationError ? 'other' : classifyDatabaseError(error));
    if (failure === 'cancelled' && clock.nowMs() >= execution.deadlineMs - 1) return refusedByCancel('deadline');
    if (failure !== 'other') {
      const cause = failure === 'cancelled' ? 'connection' : failure;
      logger.debug({ transactionId, err: error, cause }, 'a prepare will be tried again');
      return { kind: 'retry', cause };
    }
    return refusedByError(error, transactionId, logger);
  }
}

function exhaustedBy(cause: RetryCause): PrepareOutcome {
  switch (cause) {
    case 'serialization':
      return refused('serialization-failure', 'Other transactions kept changing the same data first.');
    case 'lock-timeout':
      return refused('lock-timeout', 'Another transaction held a needed lock for too long.');
    case 'prepare-capacity':
      return refused('prepare-not-possible', 'The database has no room for another prepared transaction.');
    case 'connection':
      return refused('prepare-not-possible', 'The database of the participant cannot be reached.');
    case 'other-copy':
      return { kind: 'silent' };
  }
}
