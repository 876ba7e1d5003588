import type {
  ErrorCode,
  Isolation,
  OperationDescriptor,
  StatusesAnswer,
  StatusesRequest,
  TraceHeaders,
  Trouble,
} from '@concordat/protocol';
import type { BranchRecord, IdempotencyClaim, SnapshotLease, TransactionRecord } from '@concordat/transaction';
import type { OperatorApi } from './in-doubt-api.js';
import type { LockApi } from './locks-api.js';
import type { ObserverWord } from './observers.js';
import type { PhaseTrace } from './phase-times.js';
import type { ListQuery } from './store.js';

/** How far a call waits: until the outcome is settled and durable, or until every branch is finalised as well. */
export type WaitFor = 'decided' | 'completed';
export type Consistency = 'linearizable' | 'stale';

export interface ReadOptions {
  readonly wait?: WaitFor;
  readonly consistency?: Consistency;
}

export interface BranchRequest {
  readonly participant: string;
  readonly operation: string;
  readonly input: unknown;
}

export interface BeginRequest {
  /** Defaults to `local` when participants are named and all of them are, else `global`. */
  readonly isolation?: Isolation;
  readonly serializable?: boolean;
  readonly timeoutMs?: number;
  readonly label?: string;
  readonly branches?: readonly BranchRequest[];
  /** One-shot: begin, enlist and commit in one call. */
  readonly commit?: boolean;
  readonly wait?: WaitFor;
}

/** Who calls, and the claim of the Idempotency-Key header when there was one. */
export interface CallContext {
  readonly caller: string;
  /** Whether it reaches the transactions of other callers, as an operator does. */
  readonly reachesAll?: boolean;
  readonly claim?: IdempotencyClaim;
  /** The trace that the call belongs to. */
  readonly trace?: TraceHeaders | undefined;
}

export interface ParticipantView {
  readonly name: string;
  readonly isolation: Isolation;
  readonly operations: readonly OperationDescriptor[];
  /** `down`: work for it is refused. `unknown`: nobody can tell, and work for it is taken. */
  readonly health: 'up' | 'down' | 'unknown';
  /** φ, by what this replica hears; null while it hears nothing of anybody. */
  readonly suspicion: number | null;
  /** What each replica says, as far as that has reached this one. */
  readonly observers: readonly ObserverWord[];
  readonly instances: number;
  readonly lastHeartbeatAt: number | null;
  /** Branches that this participant holds prepared and undecided, by its own word. */
  readonly preparedCount: number;
  readonly oldestInDoubtMs: number | null;
  /** Prepared in its database under its prefix, and of no transaction, by its own word. */
  readonly foreignPrepared?: number;
  /** Decisions that it could not carry out the last time, by its own word. */
  readonly troubles?: readonly Trouble[];
  /** Commands sent to it that it has not answered yet. */
  readonly lag: number;
}

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
  /** True where it is told and decides nothing. */
  readonly advisory?: boolean;
}

export interface Readiness {
  readonly ready: boolean;
  /** One line per thing checked, e.g. `{ name: 'kafka', ok: false, advisory: true, detail: '…' }`. */
  readonly checks: readonly Check[];
}

/**
 * What the HTTP layer sees of the coordinator. All methods throw `ConcordatError` with a registered code. To anybody but its
 * caller and operators a transaction does not exist.
 * A commit whose transaction aborts throws `transaction-aborted` with `{ transactionId, reason, retryable, transaction }`,
 * where `transaction` is the record.
 */
export interface CoordinatorApi {
  /** Begin, or one-shot when `commit` is true (resolves once decided, or completed when asked for). */
  begin(request: BeginRequest, context: CallContext): Promise<TransactionRecord>;
  enlist(id: string, request: BranchRequest, context: CallContext): Promise<BranchRecord>;
  /** Enlists, runs the operation at once at the snapshot of the transaction, and resolves with its result. */
  execute(id: string, request: BranchRequest, context: CallContext): Promise<BranchRecord>;
  commit(id: string, options: { wait?: WaitFor }, context: CallContext): Promise<TransactionRecord>;
  rollback(id: string, options: { wait?: WaitFor }, context: CallContext): Promise<TransactionRecord>;
  /** With `wait`, long-polls until that point, at most until the deadline of the transaction or 30 s, and returns what is then. */
  get(id: string, options: ReadOptions, context: CallContext): Promise<TransactionRecord>;
  list(query: ListQuery): Promise<TransactionRecord[]>;
  /** Calls `listener` with the present state and at every change until `completed`; returns the function that ends it. */
  watch(id: string, listener: (record: TransactionRecord) => void, context: CallContext): Promise<() => void>;
  /** When its steps were taken, by this replica; undefined where it does not know. Throws as `get` does. */
  phases(id: string, context: CallContext): Promise<PhaseTrace | undefined>;
  participants(): ParticipantView[];
  participant(name: string): ParticipantView;
  readiness(): Readiness;
  readonly snapshots: SnapshotApi;
  readonly operators: OperatorApi;
  readonly locks: LockApi;
  readonly admission: AdmissionApi;
}

/** Why a call would be refused at this moment, told before it is looked at any further. */
export interface Turnaway {
  readonly code: ErrorCode;
  readonly message: string;
  readonly participant?: string;
  /** When to come back: ms from now. It is kept free for whoever is told, so ask once for each call that is refused. */
  promise(): number;
}

/** How much is taken on. */
export interface AdmissionApi {
  /**
   * @param participants those that the call makes work for at once
   * @param key its Idempotency-Key, or none: a call that only asks again is not turned away
   */
  turnaway(caller: string, participants: readonly string[], key?: string): Turnaway | undefined;
}

/** Snapshots, and what became of transactions, by the ledger of this replica. */
export interface SnapshotApi {
  /** Resolves once this replica has applied everything up to `csn`. @throws ConcordatError snapshot-unavailable */
  reach(csn: number): Promise<void>;
  /** From memory alone (D6). @throws ConcordatError snapshot-unavailable, not-ready */
  statuses(request: StatusesRequest): Promise<StatusesAnswer>;
  /** @throws ConcordatError too-many-snapshots, not-ready */
  lease(ttlMs: number): Promise<SnapshotLease>;
  /** @throws ConcordatError snapshot-not-found, not-ready */
  read(id: string): Promise<SnapshotLease>;
  /** @throws ConcordatError snapshot-not-found, not-ready */
  release(id: string): Promise<void>;
}

/** Nest injection token of the CoordinatorApi. */
export const COORDINATOR_API = Symbol('CoordinatorApi');
