// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.

export type AddMemberRequest = {
  /** host:port of the new replica for its peers. */
  readonly address: string;
};

export type BeginRequest = {
  /** Left out: `local` when branches are named and all their participants are local, else `global`. */
  readonly isolation?: 'local' | 'global';
  /** True: as if serializable transactions ran one after the other. All participants must be global. */
  readonly serializable?: boolean;
  /** Time until an undecided transaction is aborted, in ms; 30000 when left out. */
  readonly timeoutMs?: number;
  /** Free text for people and for searching. */
  readonly label?: string;
  readonly branches?: readonly BranchRequest[];
  /** True: begin, enlist and commit in this one call. */
  readonly commit?: boolean;
  /** `decided`: the outcome is settled and durable. `completed`: every branch is finalised as well. */
  readonly wait?: 'decided' | 'completed';
};

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

export type BranchRequest = {
  readonly participant: string;
  readonly operation: string;
  /** Any JSON, nested at most 64 deep; the operation's JSON Schema decides. */
  readonly input: unknown;
};

export type Cluster = {
  readonly leader: number | null;
  readonly term: number;
  readonly members: readonly Member[];
};

export type EndRequest = {
  /** `decided`: the outcome is settled and durable. `completed`: every branch is finalised as well. */
  readonly wait?: 'decided' | 'completed';
};

export type Health = {
  readonly status: 'live' | 'ready' | 'started';
  readonly checks?: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly detail?: string;
    /** True where it is told and decides nothing. */
    readonly advisory?: boolean;
  }[];
};

export type Member = {
  /** Random, made with the member's log. */
  readonly id: number;
  readonly nodeId: number;
  /** Where other replicas reach it, host:port. */
  readonly address: string;
  /** Where callers reach it. */
  readonly url: string;
  readonly role: 'leader' | 'follower' | 'learner';
  readonly matchIndex: number | null;
  readonly appliedIndex: number | null;
  readonly persistedIndex: number | null;
  /** How long it has been behind, in ms; null while it is not heard. */
  readonly lagMs: number | null;
};

export type Operation = {
  readonly name: string;
  readonly readOnly: boolean;
  /** JSON Schema 2020-12 of the input. */
  readonly inputSchema: {
    readonly [member: string]: unknown;
  };
  /** JSON Schema 2020-12 of the result. */
  readonly resultSchema: {
    readonly [member: string]: unknown;
  };
};

export type Participant = {
  readonly name: string;
  readonly isolation: 'local' | 'global';
  readonly health: 'up' | 'down';
  readonly instances: number;
  readonly lastHeartbeatAt: string | null;
  /** Commands sent to it that it has not answered yet. */
  readonly lag: number;
  /** Branches it holds prepared and undecided. */
  readonly preparedCount: number;
  /** Age of the oldest of them in ms. */
  readonly oldestInDoubtMs: number | null;
  readonly operations: readonly Operation[];
};

export type ParticipantList = {
  readonly items: readonly Participant[];
  readonly nextCursor: null;
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
    | 'method-not-allowed'
    | 'request-timeout'
    | 'transaction-aborted'
    | 'transaction-committed'
    | 'transaction-not-active'
    | 'operation-running'
    | 'transaction-empty'
    | 'transaction-gone'
    | 'snapshot-too-old'
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
    | 'too-many-branches'
    | 'headers-too-large'
    | 'internal'
    | 'overloaded'
    | 'identity-unavailable'
    | 'kafka-unavailable'
    | 'postgres-unavailable'
    | 'persistence-backlog-full'
    | 'snapshot-unavailable'
    | 'not-ready'
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

export type Snapshot = {
  readonly id: string;
  /** Read at this commit sequence number: every participant shows the same prefix of commits. */
  readonly csn: number;
  readonly createdAt: string;
  /** Not earlier; later where leadership has changed. */
  readonly expiresAt: string;
};

export type SnapshotRequest = {
  /** Time until the lease ends by itself, in ms; it lasts longer where leadership changes. */
  readonly ttlMs: number;
};

export type Statuses = {
  readonly appliedCsn: number;
  readonly statuses: readonly (
    | {
        readonly status: 'committed';
        readonly csn: number;
      }
    | {
        readonly status: 'aborted';
      }
    | {
        readonly status: 'undecided';
      }
    | {
        readonly status: 'unknown';
      }
  )[];
};

export type StatusesRequest = {
  readonly transactionIds: readonly string[];
  readonly minCsn?: number;
  readonly linearizable?: boolean;
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

export type TransactionList = {
  readonly items: readonly Transaction[];
  /** Pass it as `cursor` for the next page; null at the end. */
  readonly nextCursor: string | null;
};

export type TransferRequest = {
  /** Id of the member; left out, the one that is furthest. */
  readonly to?: number;
};
