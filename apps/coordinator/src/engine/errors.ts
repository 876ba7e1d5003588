import { ConcordatError, type ErrorCode, type Reason } from '@concordat/protocol';
import type { TransactionRecord } from '@concordat/transaction';

const RETRY_AFTER_MS = 1000;

export function abortedError(record: TransactionRecord): ConcordatError {
  const { id: transactionId, reason } = record;
  return new ConcordatError('transaction-aborted', reason?.message ?? 'The transaction was aborted.', {
    transactionId,
    retryable: reason?.retryable ?? false,
    ...(reason && { reason }),
    ...(reason?.participant !== undefined && { participant: reason.participant }),
    transaction: record,
  });
}

export const byCaller: Reason = {
  code: 'rolled-back',
  message: 'The caller rolled the transaction back.',
  retryable: false,
};

export const stopped: Reason = {
  code: 'coordinator-stopping',
  message: 'The coordinator stopped before the transaction was decided.',
  retryable: true,
};

/** What a rollback answers: the aborted transaction, or why there is none. */
export function rolledBack(record: TransactionRecord): TransactionRecord {
  if (record.outcome === 'aborted') return record;
  if (record.outcome === null) throw unknownOutcome(record.id);
  throw new ConcordatError('transaction-committed', `Transaction ${record.id} is committed.`, {
    transactionId: record.id,
  });
}

export function notActive(record: TransactionRecord): ConcordatError {
  const { id: transactionId, status, reason } = record;
  return new ConcordatError('transaction-not-active', `Transaction ${transactionId} is ${status}.`, {
    transactionId,
    ...(reason && { reason }),
  });
}

/** D8: the outcome was lost on the way to the caller; never a reason to begin anew. */
export function unknownOutcome(transactionId: string): ConcordatError {
  return new ConcordatError('outcome-unknown', `The decision on ${transactionId} could not be confirmed in time.`, {
    transactionId,
  });
}

export function keyReused(transactionId: string): ConcordatError {
  return new ConcordatError('idempotency-key-reused', 'This Idempotency-Key came with a different request before.', {
    transactionId,
  });
}

export function unavailable(code: ErrorCode, message: string): ConcordatError {
  return new ConcordatError(code, message, { retryAfterMs: RETRY_AFTER_MS });
}

/** An older commit may still turn up with its old CSN, below every snapshot that could be given out. */
export const reconciling = (code: 'not-ready' | 'snapshot-unavailable'): ConcordatError =>
  unavailable(code, 'The restored cluster has not heard all participants yet: it has no snapshot to give.');

/** What `what` names goes into the log only once every member understands it (design §2). */
export const upgradeFirst = (what: string, behind: readonly string[]): ConcordatError =>
  unavailable(
    'snapshot-unavailable',
    `${what} once every member understands it; of an older version, to be upgraded first: ${behind.join(', ')}.`,
  );
