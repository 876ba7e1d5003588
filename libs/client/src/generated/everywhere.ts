// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.

export type Branch = {
  readonly id: string;
  readonly participant: string;
  readonly operation: string;
  readonly status:
    | 'enlisted'
    | 'preparing'
    | 'prepared'
    | 'read-only'
    | 'refused'
    | 'committed'
    | 'rolled-back'
    | 'hazard';
  /** What the operation returned; null until it has run. One that ran at once has it while still `enlisted`. */
  readonly result: unknown;
  readonly reason: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    readonly participant?: string;
    readonly branchId?: string;
  } | null;
};

export type Problem = {
  /** `/docs/errors#<code>` */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Path of the request. */
  readonly instance: string;
  /** Stable; see /docs/errors. */
  readonly code:
    | 'request-invalid'
    | 'idempotency-key-invalid'
    | 'cursor-invalid'
    | 'unauthenticated'
    | 'forbidden'
    | 'route-not-found'
    | 'transaction-not-found'
    | 'participant-not-found'
    | 'snapshot-not-found'
    | 'lock-session-not-found'
    | 'audit-not-found'
    | 'method-not-allowed'
    | 'request-timeout'
    | 'transaction-aborted'
    | 'transaction-committed'
    | 'transaction-not-active'
    | 'operation-running'
    | 'audit-running'
    | 'transaction-empty'
    | 'lock-held'
    | 'lock-not-held'
    | 'transaction-gone'
    | 'snapshot-too-old'
    | 'resolve-refused'
    | 'membership-refused'
    | 'body-too-large'
    | 'url-too-long'
    | 'unsupported-media-type'
    | 'participant-unknown'
    | 'operation-unknown'
    | 'input-invalid'
    | 'isolation-mismatch'
    | 'idempotency-key-reused'
    | 'too-many-snapshots'
    | 'too-many-locks'
    | 'too-many-branches'
    | 'headers-too-large'
    | 'too-many-requests'
    | 'internal'
    | 'overloaded'
    | 'identity-unavailable'
    | 'participant-unavailable'
    | 'kafka-unavailable'
    | 'postgres-unavailable'
    | 'persistence-backlog-full'
    | 'snapshot-unavailable'
    | 'not-ready'
    | 'audit-unavailable'
    | 'stopping'
    | 'outcome-unknown';
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  readonly transactionId?: string;
  readonly participant?: string;
  readonly operation?: string;
  readonly branchId?: string;
  /** Why the transaction aborted. */
  readonly reason?: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    readonly participant?: string;
    readonly branchId?: string;
  };
  /** The transaction, where the call ended it. */
  readonly transaction?: Transaction;
  readonly issues?: readonly {
    readonly path: string;
    readonly message: string;
  }[];
  readonly checks?: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly detail?: string;
    /** True where it is told and decides nothing. */
    readonly advisory?: boolean;
  }[];
  readonly traceId?: string;
  readonly [member: string]: unknown;
};

export type Transaction = {
  /** `<incarnation>-<term>-<sequence>`, each in base 36; exact and case-sensitive. */
  readonly id: string;
  readonly status: 'active' | 'preparing' | 'committed' | 'aborted' | 'completed';
  readonly isolation: 'local' | 'global';
  readonly serializable: boolean;
  readonly label: string | null;
  /** Commit sequence number; null unless committed. */
  readonly csn: number | null;
  /** The commits up to this number are what it sees at global participants; null where it has none. */
  readonly snapshot: number | null;
  readonly createdAt: string;
  readonly deadlineAt: string;
  readonly decidedAt: string | null;
  readonly completedAt: string | null;
  /** Why it aborted; null otherwise. */
  readonly outcomeReason: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    readonly participant?: string;
    readonly branchId?: string;
  } | null;
  readonly branches: readonly Branch[];
};
