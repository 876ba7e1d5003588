import type { Problem, Transaction } from './generated/api.js';

/** Codes of the coordinator (docs/errors.md), and the four that only a client can give. */
export type ErrorCode = Problem['code'] | 'deadline-exceeded' | 'connection-lost' | 'answer-not-understood' | 'misuse';

/** Why a transaction aborted. */
export type Reason = NonNullable<Transaction['outcomeReason']>;

export interface ErrorDetails {
  /** Whether the same call may succeed later. */
  readonly retryable?: boolean;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  readonly problem?: Problem;
  readonly transactionId?: string | undefined;
}

/** Whatever a call ends with that is no success: a stable code, what happened, the ids involved, the cause. */
export class ConcordatError extends Error {
  override readonly name: string = 'ConcordatError';
  readonly retryable: boolean;
  readonly status: number | undefined;
  /** As the coordinator sent it (RFC 9457). */
  readonly problem: Problem | undefined;
  readonly transactionId: string | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.retryable = details.retryable ?? details.problem?.retryable ?? false;
    this.status = details.status ?? details.problem?.status;
    this.problem = details.problem;
    this.transactionId = details.transactionId ?? details.problem?.transactionId;
  }
}

/** The transaction has not happened, in no participant. `retryable` says whether a new one may succeed. */
export class TransactionAbortedError extends ConcordatError {
  override readonly name = 'TransactionAbortedError';

  constructor(
    readonly reason: Reason,
    transactionId: string | undefined,
    problem?: Problem,
    options?: ErrorOptions,
  ) {
    const details = { retryable: reason.retryable, transactionId, ...(problem && { problem }) };
    super('transaction-aborted', `The transaction was aborted: ${reason.message}`, details, options);
  }
}

/**
 * The transaction may be committed: no answer came before the deadline, or before the caller gave up. Never make the same work
 * a new transaction. Ask `client.get(error.transactionId, { wait: 'decided' })`; where the id is not known, repeat
 * `client.run` with `error.idempotencyKey` and the same branches.
 */
export class OutcomeUnknownError extends ConcordatError {
  override readonly name = 'OutcomeUnknownError';

  constructor(
    readonly idempotencyKey: string | undefined,
    transactionId: string | undefined,
    options?: ErrorOptions,
  ) {
    super(
      'outcome-unknown',
      'The outcome could not be learned in time; it may be committed.',
      { transactionId },
      options,
    );
  }
}

/** Time was up, and nothing was committed by this call. The cause is what went wrong last. */
export class DeadlineExceededError extends ConcordatError {
  override readonly name = 'DeadlineExceededError';

  constructor(timeoutMs: number, options?: ErrorOptions) {
    super('deadline-exceeded', `There was no success within ${timeoutMs} ms.`, { retryable: true }, options);
  }
}

/** The error that a problem document stands for. */
export function problemError(problem: Problem, status: number): ConcordatError {
  const { code, reason, transactionId, detail } = problem;
  const isAbort = code === 'transaction-aborted' || (code === 'transaction-not-active' && reason !== undefined);
  if (!isAbort) return new ConcordatError(code, detail, { problem, status });
  const unsaid = { code, message: detail, retryable: problem.retryable };
  return new TransactionAbortedError(reason ?? unsaid, transactionId, problem);
}
