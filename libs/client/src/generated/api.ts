// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.

export type AcquireLockRequest = {
  /** Who holds it, for others to read: a host and process, say. The same owner may be refused like any other. */
  readonly owner?: string;
  /** Time until it ends without a renewal, in ms; longer where leadership changes. */
  readonly ttlMs?: number;
  /** In the place of `owner` and `ttlMs`: the session that keeps it alive. */
  readonly session?: string;
  /** How long to wait for it in line, in ms; 0 when left out. */
  readonly waitMs?: number;
  /** `exclusive` when left out. */
  readonly mode?: 'exclusive' | 'shared';
};

export type AddMemberRequest = {
  /** host:port of the new replica for its peers. */
  readonly address: string;
};

export type Audit = {
  readonly id: string;
  readonly status: 'running' | 'completed' | 'failed';
  /** NODE_ID of the replica that makes and keeps it; every replica answers for it. */
  readonly nodeId: number;
  readonly actor: string;
  readonly createdAt: string;
  readonly endedAt: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly settleMs: number;
  /** Why it failed; null otherwise. */
  readonly failure: string | null;
  /** Every record read, in exactly one of these. */
  readonly records: {
    readonly facts: number;
    readonly duplicates: number;
    readonly other: number;
    readonly unreadable: number;
    readonly unverifiable: number;
  };
  readonly transactions: number;
  readonly verdicts: {
    readonly mixed: number;
    readonly contradicting: number;
    readonly orphaned: number;
    readonly incomplete: number;
    readonly complete: number;
  };
  /** Incomplete transactions by their cause. */
  readonly incomplete: {
    readonly running: number;
    readonly cut: number;
    readonly unfinished: number;
  };
  /** Transactions compared with the coordinator's own record. */
  readonly compared: number;
  readonly violationsTotal: number;
  readonly progress: {
    readonly stage: 'planning' | 'map' | 'reduce' | 'done';
    readonly fraction: number;
    readonly recordsRead: number;
    readonly recordsTotal: number;
    readonly bucketsDone: number;
    readonly bucketsTotal: number;
    readonly partitions: readonly {
      readonly topic: string;
      readonly partition: number;
      readonly from: number;
      readonly end: number;
      readonly read: number;
    }[];
  };
  /** What was read; null until it is. */
  readonly window: {
    /** Before it replies may be missing; null: none are. */
    readonly repliesFrom: string | null;
    readonly repliesTo: string;
    readonly eventsFrom: string | null;
    readonly eventsTo: string;
  } | null;
  /** Why there was no comparison with the coordinator's records. */
  readonly notCompared: string | null;
  /** One page, ordered by transaction; 10000 are kept, all are counted. */
  readonly violations: readonly Violation[];
  readonly nextCursor: string | null;
};

export type AuditList = {
  readonly items: readonly AuditSummary[];
  readonly nextCursor: null;
  /** NODE_IDs of replicas that could not be asked for theirs. */
  readonly unreachable: readonly number[];
};

export type AuditRequest = {
  /** Audit what participants said from this time on; left out: all that is kept. */
  readonly from?: string;
  /** … and before this time; left out: until now. */
  readonly to?: string;
  /** How long a transaction may be on its way before what is missing counts, in ms; 900000 when left out. */
  readonly settleMs?: number;
};

export type AuditSummary = {
  readonly id: string;
  readonly status: 'running' | 'completed' | 'failed';
  /** NODE_ID of the replica that makes and keeps it; every replica answers for it. */
  readonly nodeId: number;
  readonly actor: string;
  readonly createdAt: string;
  readonly endedAt: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly settleMs: number;
  /** Why it failed; null otherwise. */
  readonly failure: string | null;
  /** Every record read, in exactly one of these. */
  readonly records: {
    readonly facts: number;
    readonly duplicates: number;
    readonly other: number;
    readonly unreadable: number;
    readonly unverifiable: number;
  };
  readonly transactions: number;
  readonly verdicts: {
    readonly mixed: number;
    readonly contradicting: number;
    readonly orphaned: number;
    readonly incomplete: number;
    readonly complete: number;
  };
  /** Incomplete transactions by their cause. */
  readonly incomplete: {
    readonly running: number;
    readonly cut: number;
    readonly unfinished: number;
  };
  /** Transactions compared with the coordinator's own record. */
  readonly compared: number;
  readonly violationsTotal: number;
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

export type Caller = {
  /** The name that calls are made in. */
  readonly caller: string;
  /** Those given, and those that they carry. */
  readonly roles: readonly ('caller' | 'operator' | 'admin' | 'participant' | 'monitor')[];
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

export type GrantedLock = {
  readonly name: string;
  readonly mode: 'exclusive' | 'shared';
  readonly owner: string;
  /** Larger than every token given before, for whatever lock. */
  readonly fencingToken: number;
  /** Lock, mode and token in one string, to be handed to servers. */
  readonly sequencer: string;
  readonly ttlMs: number;
  readonly session: string | null;
  readonly renewals: number;
  readonly grantedAt: string;
  /** How long to count on it from this answer on, in ms; measured from before the entry was proposed. */
  readonly ttlRemainingMs: number;
  /** How long the call was at the leader, in ms: the moment before the request was sent, and this, and `ttlRemainingMs`, is when to stop counting on it, however long the answer was on its way. */
  readonly waitedMs: number;
};

export type GrantedLockSession = {
  readonly id: string;
  readonly owner: string;
  readonly ttlMs: number;
  readonly renewals: number;
  readonly createdAt: string;
  /** How long to count on it from this answer on, in ms; measured from before the entry was proposed. */
  readonly ttlRemainingMs: number;
  /** How long the call was at the leader, in ms: the moment before the request was sent, and this, and `ttlRemainingMs`, is when to stop counting on it, however long the answer was on its way. */
  readonly waitedMs: number;
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

export type InDoubt = {
  readonly items: readonly {
    readonly transactionId: string;
    /** See docs/in-doubt.md. */
    readonly cause: 'hazard' | 'orphan' | 'reconciling' | 'participant-down' | 'finalising' | 'voting' | 'unconfirmed';
    /** What is decided; null: nothing yet, or nothing that is known. */
    readonly outcome: 'committed' | 'aborted' | null;
    readonly label: string | null;
    readonly since: string;
    readonly ageMs: number;
    readonly branches: readonly {
      readonly participant: string;
      /** `report`: its word after a restore. `operator`: that somebody looks and resolves. */
      readonly awaits: 'vote' | 'done' | 'report' | 'operator';
      /** Of the branch, as far as it is known. */
      readonly status: string;
      /** Of the participant. */
      readonly health: 'up' | 'down' | 'unknown';
      /** What the participant said of what stands in the way, where it said something. */
      readonly error: string | null;
    }[];
  }[];
  /** How many there are; the list has the first ones. */
  readonly total: number;
  /** Those that hold something prepared, by their own word. */
  readonly participants: readonly {
    readonly participant: string;
    readonly health: 'up' | 'down' | 'unknown';
    readonly preparedCount: number;
    readonly oldestInDoubtMs: number | null;
    /** Prepared in its database under its prefix, of no transaction. */
    readonly foreignPrepared: number;
  }[];
};

export type Lock = {
  readonly name: string;
  /** null where it is free. */
  readonly mode: 'exclusive' | 'shared' | null;
  readonly holders: readonly {
    readonly mode: 'exclusive' | 'shared';
    readonly owner: string;
    /** Larger than every token given before, for whatever lock. */
    readonly fencingToken: number;
    /** Lock, mode and token in one string, to be handed to servers. */
    readonly sequencer: string;
    readonly ttlMs: number;
    readonly session: string | null;
    readonly renewals: number;
    readonly grantedAt: string;
    /** How long it lasts at least; null at a replica that does not lead. */
    readonly ttlRemainingMs: number | null;
  }[];
  /** How many wait for it; null at a replica that does not lead. */
  readonly waiting: number | null;
};

export type LockList = {
  readonly items: readonly Lock[];
  /** Pass it as `cursor` for the next page; null at the end. */
  readonly nextCursor: string | null;
};

export type LockSession = {
  readonly id: string;
  readonly owner: string;
  readonly ttlMs: number;
  readonly renewals: number;
  readonly createdAt: string;
  /** How long to count on it from this answer on, in ms; measured from before the entry was proposed. */
  readonly ttlRemainingMs: number;
  /** What it holds. */
  readonly locks: readonly {
    readonly name: string;
    readonly mode: 'exclusive' | 'shared';
    /** Larger than every token given before, for whatever lock. */
    readonly fencingToken: number;
  }[];
};

export type LockSessionRequest = {
  /** Who holds it, for others to read: a host and process, say. The same owner may be refused like any other. */
  readonly owner: string;
  /** Time until it ends without a renewal, in ms; longer where leadership changes. */
  readonly ttlMs: number;
};

export type LockTokenRequest = {
  /** Larger than every token given before, for whatever lock. */
  readonly fencingToken: number;
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
  /** How long ago it last answered the replica that answers, in ms. */
  readonly lastContactMs: number | null;
  /** Phi: 8 means, were it alive, so long a silence would come once in 10^8 times. Null where nothing is told. */
  readonly suspicion: number | null;
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

export type OperatorActions = {
  readonly items: readonly {
    /** Grows with time. */
    readonly id: number;
    readonly at: string;
    readonly actor: string;
    /** `resolve`, `member-add`, `member-remove`, `leadership-transfer`. */
    readonly action: string;
    readonly target: string;
    readonly reason: string | null;
    /** What was asked for. */
    readonly outcome: string | null;
  }[];
  readonly nextCursor: string | null;
};

export type Participant = {
  readonly name: string;
  readonly isolation: 'local' | 'global';
  /** `down`: work for it is refused. `unknown`: nobody can tell, and work for it is taken. */
  readonly health: 'up' | 'down' | 'unknown';
  /** Phi: 8 means, were it alive, so long a silence would come once in 10^8 times. Null where nothing is told. */
  readonly suspicion: number | null;
  /** What each replica says, as far as it has reached the one that answers; that one comes first. */
  readonly observers: readonly {
    readonly nodeId: number;
    readonly word: 'alive' | 'suspected' | 'unknown';
    /** Phi: 8 means, were it alive, so long a silence would come once in 10^8 times. Null where nothing is told. */
    readonly suspicion: number | null;
    readonly ageMs: number;
  }[];
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

export type ResolveRequest = {
  /** What is decided, or `aborted` where nothing is. */
  readonly outcome: 'committed' | 'aborted';
  /** Why, for the audit trail. */
  readonly reason: string;
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

export type Timeline = {
  readonly transactionId: string;
  /** False where the replica that answers has seen nothing of it, or has forgotten it. */
  readonly known: boolean;
  /** False where an earlier leader began it: times count from when this one took it up. */
  readonly fromBegin: boolean;
  /** Whether there were more steps than are kept. */
  readonly cut: boolean;
  readonly marks: readonly {
    readonly step:
      | 'begun'
      | 'sent-execute'
      | 'executed'
      | 'sent-prepare'
      | 'vote'
      | 'settled'
      | 'decided'
      | 'sent-commit'
      | 'sent-rollback'
      | 'done'
      | 'completed';
    /** Since the first one, in ms, with fractions. */
    readonly atMs: number;
    readonly participant?: string;
    /** The vote, or how it ended there. */
    readonly detail?: string;
  }[];
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

export type Violation = {
  readonly transactionId: string;
  readonly verdict: 'mixed' | 'contradicting' | 'orphaned';
  /** By Kafka alone. */
  readonly kafkaVerdict: 'mixed' | 'contradicting' | 'orphaned' | 'incomplete' | 'complete';
  readonly causes: readonly string[];
  readonly participants: readonly {
    readonly name: string;
    readonly said: readonly ('prepared' | 'read-only' | 'refused' | 'committed' | 'rolled-back' | 'hazard')[];
  }[];
  readonly events: readonly {
    readonly outcome: 'committed' | 'aborted';
    readonly csn: number | null;
    readonly restored: boolean;
  }[];
  /** The coordinator's own; null: it has none; `unknown`: pruned, or not compared. */
  readonly record:
    | {
        readonly outcome: 'committed' | 'aborted' | null;
        readonly csn: number | null;
        readonly decidedAt: string | null;
        readonly restored: boolean;
      }
    | 'unknown'
    | null;
};
