import type { BackoffOptions } from './backoff.js';
import type { CircuitBreakerOptions } from './circuit-breaker.js';
import type { Clock, Random } from './clock.js';
import type { BranchRequest } from './generated/api.js';
import type { HedgeOptions } from './hedge.js';
import type { PolicyChoice } from './policies/make-policy.js';
import type { ReadChoice, RestRequest, WaitFor } from './rest.js';
import type { RetryBudgetOptions } from './retry-budget.js';
import type { Tracing } from './tracing.js';

export interface ConcordatClientOptions {
  /** Where the replicas are called, such as `https://concordat-0.example:8080`; one address in front of all of them is enough. */
  readonly urls: readonly string[];
  /** Which replica takes a call; `leader-first` when left out. */
  readonly policy?: PolicyChoice;
  /** Time that a call may take, retries included, in ms; 30,000 when left out. */
  readonly timeoutMs?: number;
  readonly retryBudget?: RetryBudgetOptions;
  readonly backoff?: BackoffOptions;
  readonly breaker?: CircuitBreakerOptions;
  /** Second tries of slow reads, where there is more than one url; `false` for none. */
  readonly hedge?: HedgeOptions | false;
  /** Sent with every request, such as `authorization`; a function is asked before each. */
  readonly headers?:
    | Readonly<Record<string, string>>
    | (() => Record<string, string> | Promise<Record<string, string>>);
  /** Shows what the client does as spans, and hands its trace on: `openTelemetry()` of `@concordat/client/opentelemetry`. */
  readonly tracing?: Tracing;
  /** The global one when left out. */
  readonly fetch?: typeof globalThis.fetch;
  /** For tests. */
  readonly clock?: Clock;
  /** For tests. */
  readonly random?: Random;
}

export interface CallOptions {
  /** Time that this call may take, retries included, in ms. */
  readonly timeoutMs?: number;
  /** Ends the call. A commit under way may come to be all the same: then it ends with `OutcomeUnknownError`. */
  readonly signal?: AbortSignal;
}

export interface TransactionOptions extends CallOptions {
  /** `global`, one snapshot over all participants, or `local`; `global` when left out. */
  readonly isolation?: 'global' | 'local';
  /** As if serializable transactions ran one after the other. */
  readonly serializable?: boolean;
  /** For people, and for searching. */
  readonly label?: string;
  /** How far the commit is waited for: `decided` (durable), or `completed` (visible everywhere). */
  readonly wait?: WaitFor;
}

export interface RunOptions extends TransactionOptions {
  readonly branches: readonly BranchRequest[];
  /**
   * Names this piece of work, for 24 hours: whoever runs it again under the same name, with the same options, gets the
   * transaction that there is. One is made when left out.
   */
  readonly idempotencyKey?: string;
}

export type RequestOptions = CallOptions & RestRequest;

/** What a request was answered with, where it was no error. */
export interface RequestAnswer<T> {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where there is none (204). */
  readonly body: T;
}

export type ReadOptions = CallOptions & ReadChoice;

export interface GetOptions extends ReadOptions {
  /** Answers when the transaction has come that far, at most 30 s later. */
  readonly wait?: WaitFor;
}

export interface ListOptions extends CallOptions, Pick<ReadChoice, 'minCsn'> {
  readonly status?: 'active' | 'preparing' | 'committed' | 'aborted' | 'completed';
  readonly participant?: string;
  readonly label?: string;
  /** How many are fetched at a time, at most 200; 50 when left out. */
  readonly pageSize?: number;
}
