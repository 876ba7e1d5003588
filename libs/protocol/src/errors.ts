/**
 * The registry of error codes. A code is stable for ever; a test pins this table and `docs/errors.md` is generated from
 * it. `status` is the HTTP status a code maps to; `retryable` says whether the same request may succeed later.
 */
export interface ErrorDefinition {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
  /** What the reader of the error should do. */
  readonly advice: string;
}

const define = <T extends Record<string, ErrorDefinition>>(registry: T): T => registry;

export const ERRORS = define({
  'request-invalid': {
    status: 400,
    title: 'The request is not valid',
    retryable: false,
    advice: 'Compare the request with /openapi.json; `issues` names each wrong field.',
  },
  'idempotency-key-invalid': {
    status: 400,
    title: 'The Idempotency-Key header is not valid',
    retryable: false,
    advice: 'Use 1 to 255 printable ASCII characters; a UUID is a good key.',
  },
  'cursor-invalid': {
    status: 400,
    title: 'The cursor is not valid',
    retryable: false,
    advice: 'Pass `nextCursor` of the previous page as it was, or leave the cursor out to begin anew.',
  },
  unauthenticated: {
    status: 401,
    title: 'The call carries no valid credentials',
    retryable: false,
    advice:
      'Send Authorization: Bearer with an API key, or with a token of the identity provider; see docs/security.md.',
  },
  forbidden: {
    status: 403,
    title: 'The caller may not do this',
    retryable: false,
    advice: 'See `detail`; an operator grants roles and participants where credentials are kept.',
  },
  'route-not-found': {
    status: 404,
    title: 'No such resource',
    retryable: false,
    advice: 'See /docs for the paths that exist.',
  },
  'transaction-not-found': {
    status: 404,
    title: 'No such transaction',
    retryable: false,
    advice: 'Check the id; ids are exact and case-sensitive.',
  },
  'participant-not-found': {
    status: 404,
    title: 'No such participant',
    retryable: false,
    advice: 'GET /v1/participants lists those that have announced themselves.',
  },
  'snapshot-not-found': {
    status: 404,
    title: 'No such snapshot',
    retryable: false,
    advice: 'It was released or its time is over; lease a new one.',
  },
  'lock-session-not-found': {
    status: 404,
    title: 'No such session of locks',
    retryable: false,
    advice: 'It has ended, was not renewed in time, or is another caller’s. What it held is released; open a new one.',
  },
  'audit-not-found': {
    status: 404,
    title: 'No such audit',
    retryable: false,
    advice: 'GET /v1/audits lists those that are kept; each replica keeps its last ones.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The method is not allowed here',
    retryable: false,
    advice: 'The Allow header lists the methods of this path.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    retryable: true,
    advice: 'Send the whole request at once.',
  },
  'transaction-aborted': {
    status: 409,
    title: 'The transaction was aborted',
    retryable: false,
    advice: 'See `reason`; begin a new transaction where `retryable` is true.',
  },
  'transaction-committed': {
    status: 409,
    title: 'The transaction is already committed',
    retryable: false,
    advice: 'A committed transaction cannot be rolled back; undo it with a new one.',
  },
  'transaction-not-active': {
    status: 409,
    title: 'The transaction no longer takes branches',
    retryable: false,
    advice: 'Enlist before the commit; begin a new transaction for more work.',
  },
  'operation-running': {
    status: 409,
    title: 'An operation of the transaction is still running',
    retryable: true,
    advice: 'Wait for the answer of the call with execute=now, then commit or go on.',
  },
  'audit-running': {
    status: 409,
    title: 'An audit is running on this replica',
    retryable: true,
    advice: 'GET /v1/audits/{id} with the `auditId` of this problem shows how far it is.',
  },
  'transaction-empty': {
    status: 409,
    title: 'The transaction has no branches',
    retryable: false,
    advice: 'Enlist at least one branch before the commit.',
  },
  'lock-held': {
    status: 409,
    title: 'The lock is held',
    retryable: true,
    advice: 'Ask again after the time in Retry-After, or with a longer `waitMs`; `owner` says who holds it.',
  },
  'lock-not-held': {
    status: 409,
    title: 'The token does not hold the lock',
    retryable: false,
    advice: 'The lease was over or the lock was released. Stop what the lock was for; acquire it anew to go on.',
  },
  'transaction-gone': {
    status: 410,
    title: 'The transaction was pruned',
    retryable: false,
    advice: 'Finished transactions are kept for the configured retention time only.',
  },
  'snapshot-too-old': {
    status: 410,
    title: 'The snapshot is too old',
    retryable: false,
    advice: 'Versions that it needs have been collected. Lease a snapshot, or read at a newer one.',
  },
  'resolve-refused': {
    status: 409,
    title: 'The transaction cannot be resolved like this',
    retryable: false,
    advice: 'See `detail` and GET /v1/in-doubt. What is decided stays, and nobody commits without every vote.',
  },
  'membership-refused': {
    status: 409,
    title: 'The membership cannot be changed like this',
    retryable: false,
    advice: 'See `detail`; GET /v1/cluster shows the members.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    retryable: false,
    advice: 'Send less than the documented limit; keep documents in your own store and pass references.',
  },
  'url-too-long': {
    status: 414,
    title: 'The URL is too long',
    retryable: false,
    advice: 'Send less than the documented limit.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The content type is not supported',
    retryable: false,
    advice: 'Send application/json.',
  },
  'participant-unknown': {
    status: 422,
    title: 'The participant is not known',
    retryable: false,
    advice: 'Start the participant; it announces itself within a second. GET /v1/participants lists those known.',
  },
  'operation-unknown': {
    status: 422,
    title: 'The participant has no such operation',
    retryable: false,
    advice: 'GET /v1/participants/{name} lists its operations.',
  },
  'input-invalid': {
    status: 422,
    title: 'The input does not match the operation',
    retryable: false,
    advice: 'GET /v1/participants/{name} shows the JSON Schema of each input.',
  },
  'isolation-mismatch': {
    status: 422,
    title: 'The isolation is not available',
    retryable: false,
    advice: 'Use an isolation that this version and the participants offer.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The Idempotency-Key was used for a different request',
    retryable: false,
    advice: 'Use a new key for a new request.',
  },
  'too-many-snapshots': {
    status: 422,
    title: 'Too many snapshots are leased',
    retryable: false,
    advice: 'Release those that are no longer read; each holds up the collection of old versions.',
  },
  'too-many-locks': {
    status: 422,
    title: 'Too many locks are held',
    retryable: false,
    advice: 'Release those that are not needed; GET /v1/locks lists them.',
  },
  'too-many-branches': {
    status: 422,
    title: 'The transaction has too many branches',
    retryable: false,
    advice: 'Split the work; the limit is in /openapi.json.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The headers are too large or too many',
    retryable: false,
    advice: 'Send fewer or shorter headers.',
  },
  'too-many-requests': {
    status: 429,
    title: 'This caller asks for more than its share',
    retryable: true,
    advice: 'Nothing was done. Retry after the time in Retry-After; keep fewer calls under way at once.',
  },
  internal: {
    status: 500,
    title: 'Something went wrong inside the coordinator',
    retryable: true,
    advice: 'Retry with the same Idempotency-Key; report the traceId if it stays.',
  },
  overloaded: {
    status: 503,
    title: 'The coordinator is at its limit',
    retryable: true,
    advice: 'Retry after the time in Retry-After.',
  },
  'identity-unavailable': {
    status: 503,
    title: 'Credentials cannot be checked at the moment',
    retryable: true,
    advice: 'The identity provider does not answer; retry after the time in Retry-After.',
  },
  'participant-unavailable': {
    status: 503,
    title: 'A participant is down',
    retryable: true,
    advice: 'Retry after the time in Retry-After; GET /v1/participants/{name} shows who hears of it and who does not.',
  },
  'kafka-unavailable': {
    status: 503,
    title: 'Kafka cannot be reached',
    retryable: true,
    advice: 'Retry after the time in Retry-After; the coordinator reconnects on its own.',
  },
  'postgres-unavailable': {
    status: 503,
    title: 'Postgres cannot be reached',
    retryable: true,
    advice: 'Retry after the time in Retry-After; decisions already taken are safe.',
  },
  'persistence-backlog-full': {
    status: 503,
    title: 'Postgres lags too far behind the decision log',
    retryable: true,
    advice: 'Retry after the time in Retry-After.',
  },
  'snapshot-unavailable': {
    status: 503,
    title: 'The snapshot cannot be served at the moment',
    retryable: true,
    advice: 'No coordinator has applied that much yet, or none could be asked; retry after the time in Retry-After.',
  },
  'not-ready': {
    status: 503,
    title: 'The coordinator is not ready',
    retryable: true,
    advice: 'Retry after the time in Retry-After, or ask another replica.',
  },
  'audit-unavailable': {
    status: 503,
    title: 'The replica that keeps the audit cannot be reached',
    retryable: true,
    advice: 'Retry when that replica is back: it goes on with what it had begun.',
  },
  stopping: {
    status: 503,
    title: 'The coordinator is stopping',
    retryable: true,
    advice: 'Retry at another replica.',
  },
  'outcome-unknown': {
    status: 504,
    title: 'The outcome is not known',
    retryable: false,
    advice:
      'The transaction may be committed. Ask by its id or repeat the request with the same Idempotency-Key; never begin a new one for the same work.',
  },
} satisfies Record<string, ErrorDefinition>);

export type ErrorCode = keyof typeof ERRORS;

/** Ids and details that go with an error; all optional, all safe to show to the caller. */
export interface ErrorDetails {
  readonly transactionId?: string;
  readonly participant?: string;
  readonly operation?: string;
  readonly branchId?: string;
  readonly reason?: unknown;
  readonly retryAfterMs?: number;
  readonly issues?: readonly { readonly path: string; readonly message: string }[];
  /** Overrides the registry where an instance knows better, as an abort does. */
  readonly retryable?: boolean;
  readonly [extension: string]: unknown;
}

/** The one error class that crosses module borders: a stable code, what happened, the ids involved, the cause. */
export class ConcordatError extends Error {
  override readonly name = 'ConcordatError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  get retryable(): boolean {
    return this.details.retryable ?? ERRORS[this.code].retryable;
  }
}
