import { type ConcordatError, ERRORS, type ErrorCode, type Reason } from '@concordat/protocol';
import type { TransactionRecord } from '@concordat/transaction';
import { transactionJson } from './transaction-json.js';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';
const RETRY_AFTER_DEFAULT_MS = 1_000;
const UNAVAILABLE_STATUS = 503;

/** A response to a request that failed (RFC 9457). */
export interface ProblemResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Relative, so that it leads to the documentation of this very version. */
const problemType = (code: ErrorCode): string => `/docs/errors#${code}`;

/** What is told of an error; one that is refused by the thousand needs no stack trace. */
export type Refused = Pick<ConcordatError, 'code' | 'message' | 'details' | 'retryable'>;

/** Renders an error of the registry. `instance` is the path of the request. */
export function problemResponse(error: Refused, instance: string, traceId?: string): ProblemResponse {
  const { status, title } = ERRORS[error.code];
  const { retryAfterMs, retryable: _, transaction, ...details } = error.details;
  const registered = {
    type: problemType(error.code),
    title,
    status,
    detail: error.message,
    instance,
    code: error.code,
    retryable: error.retryable,
  };
  const refusedBy = (details.reason as Partial<Reason> | undefined)?.participant;
  const problem = {
    ...registered,
    ...(refusedBy === undefined ? {} : { participant: refusedBy }),
    ...details,
    ...(transaction === undefined
      ? {}
      : { transaction: JSON.parse(transactionJson(transaction as TransactionRecord)) }),
    ...(traceId === undefined ? {} : { traceId }),
    // Once more, so that no detail can stand in the place of a registered member.
    ...registered,
  };
  const waitMs = retryAfterMs ?? (status === UNAVAILABLE_STATUS ? RETRY_AFTER_DEFAULT_MS : undefined);
  return {
    status,
    headers: {
      ...(waitMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) }),
      ...(error.code === 'unauthenticated' ? { 'www-authenticate': 'Bearer realm="concordat"' } : {}),
    },
    body: JSON.stringify(problem),
  };
}
