import type { BranchResult, OperationCall, PrepareCommand, Reason } from '@concordat/protocol';
import { backoffMs } from './backoff.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { decide } from './decisions.js';
import { type CancelCause, type Execution, ExecutionCancelled } from './execution.js';
import type { OperationRegistry, RegisteredOperation } from './operation-registry.js';
import type { ParticipantState } from './participant-state.js';
import type { PrepareSession, PrepareSessions } from './prepare-session.js';
import { Refusal } from './refusal.js';
import { classifyDatabaseError, type DatabaseFailure } from './sql-state.js';
import type { Surroundings } from './surroundings.js';
import { encodeVote, ownReason } from './votes.js';

export type PrepareOutcome =
  /** Durable; the encoded vote holds the results. */
  | { readonly kind: 'prepared'; readonly vote: string }
  /** Another copy of the transaction, run by another owner or before a restart, is durably prepared. */
  | { readonly kind: 'prepared-elsewhere' }
  | { readonly kind: 'read-only'; readonly vote: string }
  /** `poison`: an error that the author of the operation did not foresee. */
  | { readonly kind: 'refused'; readonly reason: Reason; readonly poison?: unknown }
  /** No vote: rolled back, decided already, or another copy is still at work and will vote. */
  | { readonly kind: 'silent' };

type RetryCause = 'serialization' | 'lock-timeout' | 'prepare-capacity' | 'connection' | 'other-copy';
type AttemptOutcome = PrepareOutcome | { readonly kind: 'retry'; readonly cause: RetryCause };

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
export class PrepareExecutor {
  readonly #places: ConcurrencyLimit;

  constructor(
    private readonly registry: OperationRegistry,
    private readonly sessions: PrepareSessions,
    private readonly state: ParticipantState,
    private readonly surroundings: Surroundings,
  ) {
    this.#places = new ConcurrencyLimit(surroundings.limits.prepareConcurrency);
  }

  async run(execution: Execution): Promise<PrepareOutcome> {
    const { limits, random, clock, metrics } = this.surroundings;
    const calls = resolveCalls(execution.command, this.registry);
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

  async #attempt(execution: Execution, calls: readonly ResolvedCall[]): Promise<AttemptOutcome> {
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

  #failed(execution: Execution, error: unknown, swallowed: DatabaseFailure | undefined): AttemptOutcome {
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
    if (error instanceof OperationError && error.cause instanceof Refusal) {
      const { code, message, retryable } = error.cause;
      return { kind: 'refused', reason: { code, message, retryable, branchId: error.call.branchId } };
    }
    const poison = error instanceof OperationError ? error.cause : error;
    const where = error instanceof OperationError ? `The operation "${error.call.operation}"` : 'The branch';
    logger.error({ transactionId, err: poison }, `${where} failed in a way that its author did not foresee`);
    const branchId = error instanceof OperationError ? error.call.branchId : undefined;
    const message = `${where} failed in a way that its author did not foresee; the participant's log tells more.`;
    return { kind: 'refused', reason: ownReason('operation-failed', message, false, branchId), poison };
  }
}

interface ResolvedCall {
  readonly call: OperationCall;
  readonly operation: RegisteredOperation;
  readonly input: unknown;
}

/** Wraps whatever an operation threw, to tell it from failures of our own. */
class OperationError extends Error {
  override readonly name = 'OperationError';
  constructor(
    readonly call: OperationCall,
    cause: unknown,
  ) {
    super(`the operation ${call.operation} failed`, { cause });
  }
}

const ISSUES_MAX = 5;

/** Finds the handlers and checks the inputs, before anything touches the database. */
function resolveCalls(command: PrepareCommand, registry: OperationRegistry): ResolvedCall[] | { reason: Reason } {
  if (command.isolation !== 'local' || command.serializable) {
    const asked = `${command.isolation}${command.serializable ? ', serializable' : ''}`;
    const message = `This participant offers the isolation "local" only, not "${asked}".`;
    return { reason: ownReason('isolation-mismatch', message, false) };
  }
  const resolved: ResolvedCall[] = [];
  for (const call of command.operations) {
    const operation = registry.get(call.operation);
    if (operation === undefined) {
      const message = `There is no operation "${call.operation}".`;
      return { reason: ownReason('operation-unknown', message, false, call.branchId) };
    }
    const parsed = operation.options.input.safeParse(call.input);
    if (!parsed.success) {
      const issues = parsed.error.issues.slice(0, ISSUES_MAX);
      const text = issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`).join('; ');
      return { reason: ownReason('input-invalid', text, false, call.branchId) };
    }
    resolved.push({ call, operation, input: parsed.data });
  }
  return resolved;
}

async function runCalls(session: PrepareSession, calls: readonly ResolvedCall[]): Promise<BranchResult[]> {
  const results: BranchResult[] = [];
  for (const { call, operation, input } of calls) {
    try {
      const value = await session.runOperation(call, (context) => operation.handle(input, context));
      const result = operation.options.result ? operation.options.result.parse(value) : value;
      results.push({ branchId: call.branchId, result: result ?? null });
    } catch (error) {
      throw error instanceof ExecutionCancelled ? error : new OperationError(call, error);
    }
  }
  return results;
}

/** The vote for a prepare that is refused without being executed. */
export function reasonOfAction(action: ReturnType<typeof decide>): Reason | undefined {
  switch (action) {
    case 'refuse-below-horizon':
      return ownReason('below-horizon', 'The transaction was forgotten before this prepare came.', false);
    case 'refuse-stale-incarnation':
      return ownReason('stale-incarnation', 'The transaction belongs to an earlier incarnation of the cluster.', true);
    case 'refuse-already-rolled-back':
      return ownReason('already-rolled-back', 'The rollback came before this prepare.', true);
    default:
      return undefined;
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

const cancelled = ({ cancelledBy }: Execution): PrepareOutcome => refusedByCancel(cancelledBy ?? 'stopping');

function refusedByCancel(cause: CancelCause): PrepareOutcome {
  switch (cause) {
    case 'rollback':
      return { kind: 'silent' };
    case 'deadline':
      return refused('deadline-exceeded', 'The deadline passed before the branch was prepared.');
    case 'stopping':
      return refused('prepare-not-possible', 'The participant is stopping.');
  }
}

const refused = (code: Parameters<typeof ownReason>[0], message: string): PrepareOutcome => ({
  kind: 'refused',
  reason: ownReason(code, message, true),
});
