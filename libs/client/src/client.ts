import { type Clock, type Random, systemClock } from './clock.js';
import { Deadline } from './deadline.js';
import { Dispatcher } from './dispatcher.js';
import { ConcordatError, DeadlineExceededError, TransactionAbortedError } from './errors.js';
import type { BeginRequest, Cluster, Participant, Snapshot, Transaction } from './generated/api.js';
import { Locks } from './locks.js';
import { LocksRest } from './locks-rest.js';
import { OpenTransaction, type TransactionScope } from './open-transaction.js';
import type {
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
import { makePolicy } from './policies/make-policy.js';
import { randomId } from './random-id.js';
import { Replicas } from './replicas.js';
import { Rest, type WaitFor } from './rest.js';
import { RetryBudget } from './retry-budget.js';
import { type RetryingOptions, retryAborts } from './retrying.js';
import { type ClientSpan, type SpanStart, type Tracing, UNTRACED } from './tracing.js';
import { isUndecided, watchTransaction } from './watch.js';

const TIMEOUT_MS_DEFAULT = 30_000;
/** What the coordinator takes as the time-out of a transaction, in ms. */
const TRANSACTION_TIMEOUT_MS = { min: 100, max: 600_000 };

/** The work of a transaction. It may run several times, each time in a new transaction: what it does outside of that must bear it. */
export type Work<T> = (transaction: TransactionScope) => Promise<T>;

/**
 * A caller's way to the coordinator, whichever replicas of it live. One client is enough for a process: the retry budget, the
 * circuit breakers and what is known about the leader belong to it. It holds no connection and no timer between calls.
 */
export class ConcordatClient {
  /** Leases with fencing tokens, kept alive while they are held. */
  readonly locks: Locks;
  readonly #rest: Rest;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #timeoutMs: number;
  readonly #retrying: RetryingOptions;
  readonly #tracing: Tracing;

  /** @throws ConcordatError misuse; RangeError for options out of range */
  constructor(options: ConcordatClientOptions) {
    const { clock = systemClock, random = Math.random, backoff = {}, headers = {}, hedge = {} } = options;
    this.#tracing = options.tracing ?? UNTRACED;
    const urls = options.urls.map((url) => url.replace(/\/+$/, ''));
    const policy = makePolicy(options.policy ?? 'leader-first', urls, random);
    const budget = new RetryBudget(options.retryBudget ?? {}, clock);
    const dispatcher = new Dispatcher({
      fetch: options.fetch ?? ((...words) => fetch(...words)),
      headers: async () => (typeof headers === 'function' ? headers() : headers),
      replicas: new Replicas(urls, policy, options.breaker ?? {}, clock),
      ...{ budget, clock, random, backoff, hedge },
      tracing: this.#tracing,
    });
    this.#rest = new Rest(dispatcher);
    this.#clock = clock;
    this.#random = random;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS_DEFAULT;
    this.locks = new Locks(new LocksRest(this.#rest), clock, this.#timeoutMs);
    this.#retrying = { budget, random, backoff };
  }

  /**
   * Begins a transaction, does `work` in it, and commits; rolls back when the work throws. A transaction that was aborted for a
   * reason that may pass is made again, as a whole, until the deadline.
   * @returns what the work returned
   * @throws TransactionAbortedError; OutcomeUnknownError; DeadlineExceededError; whatever the work throws
   */
  transaction<T>(work: Work<T>): Promise<T>;
  transaction<T>(options: TransactionOptions, work: Work<T>): Promise<T>;
  async transaction<T>(first: TransactionOptions | Work<T>, second?: Work<T>): Promise<T> {
    const [options, work] = typeof first === 'function' ? [{}, first] : [first, second as Work<T>];
    const deadline = this.#deadline(options);
    return this.#tracing.span(spanOf(options), (span) =>
      retryAborts(() => this.#once(options, work, deadline, span), deadline, this.#retrying),
    );
  }

  /**
   * A transaction in one request, for work that is known beforehand.
   * @returns the committed transaction, with the results of its branches
   * @throws TransactionAbortedError; OutcomeUnknownError; DeadlineExceededError
   */
  async run(options: RunOptions): Promise<Transaction> {
    const { branches, wait, idempotencyKey } = options;
    const deadline = this.#deadline(options);
    const oneAttempt = (number: number) => {
      // A named piece of work takes the same way each time: the same bodies, and one further name for each abort.
      const timeoutMs = idempotencyKey === undefined ? deadline.remainingMs : deadline.timeoutMs;
      const key = idempotencyKey === undefined ? randomId() : `${idempotencyKey}${number === 0 ? '' : `/${number}`}`;
      return this.#rest.oneShot({ ...beginBody(options, timeoutMs), branches, ...(wait && { wait }) }, key, deadline);
    };
    return this.#tracing.span(spanOf(options), async (span) => {
      const transaction = await retryAborts(oneAttempt, deadline, this.#retrying);
      span.set({ 'concordat.transaction.id': transaction.id });
      return transaction;
    });
  }

  /** @throws ConcordatError transaction-not-found, transaction-gone */
  get(id: string, options: GetOptions = {}): Promise<Transaction> {
    return this.#rest.get(id, options, this.#deadline(options));
  }

  /** All transactions that match, newest first, page by page as they are asked for. */
  async *list(options: ListOptions = {}): AsyncGenerator<Transaction, void> {
    const { status, participant, label, pageSize, ...rest } = options;
    let cursor: string | undefined;
    do {
      const filter = { status, participant, label, limit: pageSize, cursor };
      const page = await this.#rest.list(filter, rest, this.#deadline(rest));
      yield* page.items;
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  /**
   * The states of a transaction as they come, until it is completed. It has no deadline of its own and outlives replicas.
   * @throws ConcordatError transaction-not-found, transaction-gone; the signal's reason
   */
  watch(id: string, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Transaction, void> {
    return watchTransaction(this.#rest, id, { clock: this.#clock, random: this.#random, signal: options.signal });
  }

  /**
   * Waits until a transaction is decided or completed.
   * @throws DeadlineExceededError; as `watch`
   */
  async waitFor(id: string, wait: WaitFor, options: CallOptions = {}): Promise<Transaction> {
    const { signal, timeoutMs = this.#timeoutMs } = options;
    const timer = new AbortController();
    const cancelTimer = this.#clock.after(timeoutMs, () => timer.abort(new DeadlineExceededError(timeoutMs)));
    try {
      const signals = AbortSignal.any([timer.signal, ...(signal ? [signal] : [])]);
      for await (const transaction of this.watch(id, { signal: signals })) {
        if (wait === 'decided' ? !isUndecided(transaction) : transaction.status === 'completed') return transaction;
      }
      throw new ConcordatError('answer-not-understood', `The states of ${id} ended before it was completed.`);
    } finally {
      cancelTimer();
    }
  }

  /**
   * Any call of the REST API, on the same way as all others: choice of replica, failover, repeats, deadline.
   * @throws ConcordatError where it is refused; DeadlineExceededError; OutcomeUnknownError where it changes something and nobody
   * knows whether it was carried out
   */
  async request<T = unknown>(options: RequestOptions): Promise<RequestAnswer<T>> {
    const { status, headers, body } = await this.#rest.request(options, this.#deadline(options));
    return { status, headers, body: body as T };
  }

  async participants(options: CallOptions = {}): Promise<readonly Participant[]> {
    return (await this.#rest.participants(this.#deadline(options))).items;
  }

  /** @throws ConcordatError participant-not-found */
  participant(name: string, options: CallOptions = {}): Promise<Participant> {
    return this.#rest.participant(name, this.#deadline(options));
  }

  cluster(options: ReadOptions = {}): Promise<Cluster> {
    return this.#rest.cluster(options, this.#deadline(options));
  }

  /**
   * Leases a read snapshot: reads at its `csn` see the same commits at every participant for as long as it lasts.
   * @param ttlMs how long it lasts at least, in ms
   */
  leaseSnapshot(ttlMs: number, options: CallOptions = {}): Promise<Snapshot> {
    return this.#rest.leaseSnapshot(ttlMs, this.#deadline(options));
  }

  /** @throws ConcordatError snapshot-not-found */
  releaseSnapshot(id: string, options: CallOptions = {}): Promise<void> {
    return this.#rest.releaseSnapshot(id, this.#deadline(options));
  }

  async #once<T>(options: TransactionOptions, work: Work<T>, deadline: Deadline, span: ClientSpan): Promise<T> {
    const begun = await this.#rest.begin(beginBody(options, deadline.remainingMs), randomId(), deadline);
    span.set({ 'concordat.transaction.id': begun.id });
    if (begun.status !== 'active') throw abortedAtBirth(begun);
    const transaction = new OpenTransaction(begun, this.#rest, deadline);
    let result: T;
    try {
      result = await work(transaction);
      await transaction.finishCalls();
    } catch (error) {
      await transaction.rollback();
      throw error;
    }
    await transaction.commit(options.wait);
    return result;
  }

  #deadline({ timeoutMs = this.#timeoutMs, signal }: CallOptions): Deadline {
    return new Deadline(this.#clock, timeoutMs, signal);
  }
}

const spanOf = ({ label }: TransactionOptions): SpanStart => ({
  name: 'transaction',
  kind: 'internal',
  attributes: label === undefined ? {} : { 'concordat.transaction.label': label },
});

/** The coordinator is to give up when the caller does. */
function beginBody(options: TransactionOptions, timeLeftMs: number): BeginRequest {
  const { isolation, serializable, label } = options;
  const { min, max } = TRANSACTION_TIMEOUT_MS;
  const timeoutMs = Math.round(Math.min(max, Math.max(min, timeLeftMs)));
  return {
    timeoutMs,
    ...(isolation && { isolation }),
    ...(serializable !== undefined && { serializable }),
    ...(label !== undefined && { label }),
  };
}

/** Its begin had to be repeated, and the leader that it was begun with is gone. */
function abortedAtBirth({ id, outcomeReason, status }: Transaction): TransactionAbortedError {
  const unsaid = { code: 'leader-changed', message: `It was ${status} when it had begun.`, retryable: true };
  return new TransactionAbortedError(outcomeReason ?? unsaid, id);
}
