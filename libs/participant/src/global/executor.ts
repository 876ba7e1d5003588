import type { PrepareCommand } from '@concordat/protocol';
import { type Decision, type PrepareResult, prepareBranch } from '@concordat/snapshot';
import type pg from 'pg';
import { backoffMs } from '../backoff.js';
import type { ConcurrencyLimit } from '../concurrency-limit.js';
import { decide } from '../decisions.js';
import type { PrepareExecution } from '../execution.js';
import type { BranchExecutor } from '../isolation.js';
import { resolveCalls } from '../operation-calls.js';
import type { OperationRegistry } from '../operation-registry.js';
import type { ParticipantState } from '../participant-state.js';
import { cancelled, type PrepareOutcome, reasonOfAction, refused } from '../prepare-outcome.js';
import { classifyDatabaseError, type DatabaseFailure } from '../sql-state.js';
import type { Surroundings } from '../surroundings.js';
import { inDatabaseSpan } from '../tracing.js';
import { encodeVote } from '../votes.js';
import type { GlobalBranches } from './branches.js';
import { withConnection } from './database.js';
import type { GlobalFinaliser } from './finaliser.js';
import { type Session, SessionData } from './session.js';
import type { Sessions } from './sessions.js';
import type { SnapshotOperations } from './snapshot-operations.js';
import type { StatusClient } from './status-client.js';

export interface ExecutorParts {
  readonly registry: OperationRegistry;
  readonly operations: SnapshotOperations;
  readonly sessions: Sessions;
  readonly places: ConcurrencyLimit;
  readonly state: ParticipantState;
  readonly branches: GlobalBranches;
  readonly finaliser: GlobalFinaliser;
  readonly statuses: StatusClient;
  readonly pool: pg.Pool;
}

type RetryCause = 'conflict' | 'serialization' | 'lock-timeout' | 'connection' | 'other-copy';
type AttemptOutcome = PrepareOutcome | { readonly kind: 'retry'; readonly cause: RetryCause };

/** Two transactions that wait for each other in different databases do not give up at the same moment. */
const LOCK_TIMEOUTS_MAX = 2;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/**
 * Prepares branches in versions (S4): runs the operations that did not run at once, in the session of those that did,
 * and puts what they wrote into the database as intents.
 *
 * Invariants:
 * - operations run once: their snapshot does not change, so only the database's part is begun anew;
 * - what is in the way is finalised in a database transaction of its own, after this one has ended;
 * - another copy of the same transaction never makes this one vote no.
 */
export class GlobalExecutor implements BranchExecutor {
  constructor(
    private readonly parts: ExecutorParts,
    private readonly surroundings: Surroundings,
  ) {}

  async run(execution: PrepareExecution): Promise<PrepareOutcome> {
    const { sessions, places } = this.parts;
    const { command, transactionId } = execution;
    const session = sessions.get(transactionId);
    if (command.session !== undefined && !isSession(session, command.session)) return this.#lost(execution);
    if (session?.outcome) return session.outcome;
    const data = command.session ? session?.data : dataOf(command);
    if (data === undefined) return refused('isolation-mismatch', 'A global participant needs a snapshot.', false);
    if (!(await places.acquire(execution.signal))) return cancelled(execution);
    const outcome = await this.#prepare(execution, data).finally(() => places.release());
    // Whoever is not prepared hears no decision, perhaps; should the prepare come again, it is answered as now.
    if (outcome.kind === 'prepared') await sessions.end(transactionId, 'stopping');
    else session?.conclude(outcome);
    return outcome;
  }

  async #prepare(execution: PrepareExecution, data: SessionData): Promise<PrepareOutcome> {
    const { operations, registry } = this.parts;
    try {
      const calls = resolveCalls(execution.command.operations, registry);
      if (!Array.isArray(calls)) return { kind: 'refused', reason: calls.reason };
      const results = await operations.run(execution, data, calls);
      // S6: marks must be durable until the decision even where nothing is written.
      const writes = !data.writes.isEmpty || data.serializable;
      const { participant } = this.surroundings;
      const kind = writes ? 'prepared' : 'read-only';
      const vote = encodeVote(participant, data.transactionId, kind, results);
      return writes ? await this.#persist(execution, data, vote) : { kind: 'read-only', vote };
    } catch (error) {
      return operations.refusalOf(error, execution);
    }
  }

  async #persist(execution: PrepareExecution, data: SessionData, vote: string): Promise<PrepareOutcome> {
    const { limits, random, clock, metrics } = this.surroundings;
    let lockTimeouts = 0;
    for (let attempt = 1; ; attempt += 1) {
      execution.throwIfCancelled();
      const outcome = await this.#attempt(execution, data, vote);
      if (outcome.kind !== 'retry') return outcome;
      const { cause } = outcome;
      metrics.retries.inc({ cause });
      if (cause === 'lock-timeout') lockTimeouts += 1;
      const pauseMs =
        cause === 'conflict' ? 0 : backoffMs(attempt, limits.prepareRetryBaseMs, limits.prepareRetryCapMs, random);
      const exhausted = attempt >= limits.prepareAttemptsMax || lockTimeouts >= LOCK_TIMEOUTS_MAX;
      if (exhausted || clock.nowMs() + pauseMs >= execution.deadlineMs) return exhaustedBy(cause);
      if (pauseMs > 0 && !(await execution.pause(pauseMs))) return cancelled(execution);
    }
  }

  async #attempt(execution: PrepareExecution, data: SessionData, vote: string): Promise<AttemptOutcome> {
    try {
      const result = await inDatabaseSpan('prepare branch', () => this.#prepareBranch(execution, data, vote));
      switch (result.kind) {
        case 'prepared':
          return { kind: 'prepared', vote }; // durable before it is sent
        case 'not-admitted':
          return this.#notAdmitted(data.transactionId, result);
        case 'conflict':
          return this.#clear(result.transactionIds);
        case 'overwritten':
          return refused('serialization-failure', 'Another transaction changed the same data first.');
        case 'snapshot-too-old':
          return refused('snapshot-too-old', 'Versions that the snapshot needs have been collected.');
      }
    } catch (error) {
      const cause = RETRY_OF[classifyDatabaseError(error)];
      if (cause === undefined) throw error;
      this.surroundings.logger.debug({ transactionId: data.transactionId, err: error, cause }, 'begun anew');
      return { kind: 'retry', cause };
    }
  }

  #prepareBranch(execution: PrepareExecution, data: SessionData, vote: string): Promise<PrepareResult> {
    const { limits, clock, random, participant } = this.surroundings;
    const { transactionId, snapshot, serializable, marks, writes } = data;
    const remainingMs = Math.max(1, Math.ceil(execution.deadlineMs - clock.nowMs()));
    return withConnection(this.parts.pool, (db) =>
      prepareBranch(db, {
        participant,
        transactionId,
        snapshot,
        serializable,
        marks,
        writes: writes.toWrites(),
        vote,
        lockTimeoutMs: Math.min(Math.ceil(limits.lockTimeoutMs * (0.5 + random() / 2)), remainingMs),
        statementTimeoutMs: Math.min(remainingMs, TIMEOUT_MS_MAX),
      }),
    );
  }

  /** Intents of others are in the way: those that are decided are finalised, any other is first. */
  async #clear(transactionIds: readonly string[]): Promise<AttemptOutcome> {
    const { statuses, finaliser } = this.parts;
    const { metConflicts } = this.surroundings.metrics;
    const answers = await statuses.now(transactionIds);
    const decisions: Decision[] = [];
    for (const [transactionId, answer] of answers) {
      metConflicts.inc({ status: answer.status });
      if (answer.status === 'committed') decisions.push({ transactionId, csn: answer.csn });
      // Its branch is here or never was: a row against a late prepare is left by its own rollback.
      else if (answer.status === 'aborted') decisions.push({ transactionId, csn: null, leaveAbortRow: false });
      // D6: to third parties neither is an abort.
      else return refused('serialization-failure', 'Another transaction is about to change the same data.');
    }
    await finaliser.settle(decisions);
    return { kind: 'retry', cause: 'conflict' };
  }

  /** The branch row was not inserted: either it is there, or the state of the participant does not admit it. */
  async #notAdmitted(
    transactionId: string,
    { branch }: Extract<PrepareResult, { kind: 'not-admitted' }>,
  ): Promise<AttemptOutcome> {
    const { state } = this.parts;
    if (branch?.state === 'prepared') {
      return branch.vote === null ? { kind: 'prepared-elsewhere' } : { kind: 'prepared', vote: branch.vote };
    }
    await state.load();
    const action = decide('prepare', branch?.state ?? 'absent', {
      belowHorizon: state.isBelowHorizon(transactionId),
      staleIncarnation: state.isStale(transactionId),
      presumed: false,
    });
    const reason = reasonOfAction(action);
    if (reason) return { kind: 'refused', reason };
    // `execute` after all: the row went away meanwhile.
    return action === 'ignore' ? { kind: 'silent' } : { kind: 'retry', cause: 'other-copy' };
  }

  /** The session that the coordinator knows is not here. Where the branch has a row, that tells what became of it. */
  async #lost({ transactionId }: PrepareExecution): Promise<PrepareOutcome> {
    const row = await this.parts.branches.readRow(transactionId);
    if (row) {
      const outcome = await this.#notAdmitted(transactionId, { kind: 'not-admitted', branch: row });
      if (outcome.kind !== 'retry') return outcome;
    }
    return refused('participant-restarted', 'The session with the operations that ran at once is gone.');
  }
}

const isSession = (session: Session | undefined, mark: NonNullable<PrepareCommand['session']>): boolean =>
  session !== undefined && !session.running && session.nonce === mark.nonce && session.executed === mark.executed;

const dataOf = ({ transactionId, snapshot, serializable }: PrepareCommand): SessionData | undefined =>
  snapshot === null ? undefined : new SessionData(transactionId, snapshot, serializable);

const RETRY_OF: Partial<Record<DatabaseFailure, RetryCause>> = {
  serialization: 'serialization',
  'lock-timeout': 'lock-timeout',
  connection: 'connection',
};

function exhaustedBy(cause: RetryCause): PrepareOutcome {
  switch (cause) {
    case 'conflict':
    case 'serialization':
      return refused('serialization-failure', 'Other transactions kept changing the same data first.');
    case 'lock-timeout':
      return refused('lock-timeout', 'Another transaction held a needed lock for too long.');
    case 'connection':
      return refused('prepare-not-possible', 'The database of the participant cannot be reached.');
    case 'other-copy':
      return { kind: 'silent' };
  }
}
