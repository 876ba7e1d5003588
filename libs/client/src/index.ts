export type { BackoffOptions } from './backoff.js';
export type { CircuitBreakerOptions, CircuitState } from './circuit-breaker.js';
export { ConcordatClient, type Work } from './client.js';
export type { Clock, Random } from './clock.js';
export {
  ConcordatError,
  DeadlineExceededError,
  type ErrorCode,
  OutcomeUnknownError,
  type Reason,
  TransactionAbortedError,
} from './errors.js';
export type {
  Audit,
  AuditList,
  AuditSummary,
  BeginRequest,
  Branch,
  BranchRequest,
  Caller,
  Cluster,
  GrantedLock,
  InDoubt,
  Lock,
  LockList,
  Member,
  Operation,
  OperatorActions,
  Overview,
  OverviewSample,
  Participant,
  ParticipantList,
  Problem,
  Snapshot,
  Timeline,
  Transaction,
  TransactionList,
} from './generated/api.js';
export type { HedgeOptions } from './hedge.js';
export type { AcquireOptions, HeldLock, HeldSession, Locks, SessionAcquireOptions } from './locks.js';
export type { DeferredBranch, TransactionScope } from './open-transaction.js';
export type {
  CallOptions,
  ConcordatClientOptions,
  GetOptions,
  ListOptions,
  ReadOptions,
  RequestAnswer,
  RequestOptions,
  RunOptions,
  TransactionOptions,
} from './options.js';
export { LeaderFirstPolicy } from './policies/leader-first.js';
export type { PolicyChoice } from './policies/make-policy.js';
export type { Candidate, Policy } from './policies/policy.js';
export { RandomPolicy } from './policies/random.js';
export { RoundRobinPolicy } from './policies/round-robin.js';
export { WeightedPolicy } from './policies/weighted.js';
export type { Consistency, Query, WaitFor } from './rest.js';
export type { RetryBudgetOptions } from './retry-budget.js';
export type { ClientSpan, SpanAttributes, SpanStart, Tracing } from './tracing.js';
