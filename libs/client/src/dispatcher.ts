/**
 * Brings one call to an answer: chooses a replica, fails over to another, waits where waiting helps, and ends at the deadline.
 *
 * What it keeps:
 *  - a call that is not repeatable is sent again only when it was surely not carried out;
 *  - a further attempt costs a token of the retry budget; where there is none the call waits for it, so that a long outage
 *    makes calls slow and does not multiply them;
 *  - no replica is called before the end of its `Retry-After`, or while its circuit is open.
 */
import { type BackoffOptions, backoffMs } from './backoff.js';
import type { Permit } from './circuit-breaker.js';
import { type Clock, type Random, sleep } from './clock.js';
import type { Deadline } from './deadline.js';
import { ConcordatError, DeadlineExceededError } from './errors.js';
import { type Answer, type CallRequest, exchange, type Failure, type Outcome } from './exchange.js';
import { type HedgeOptions, hedgeDelayMs, hedged } from './hedge.js';
import { LatencyWindow } from './latency-window.js';
import type { Chosen, Replica, Replicas } from './replicas.js';
import type { RetryBudget } from './retry-budget.js';
import { type SpanStart, type Tracing, UNTRACED } from './tracing.js';

export interface Call extends CallRequest {
  /** Whether it may be sent again when nobody knows whether it was carried out. */
  readonly repeatable: boolean;
  /** Whether another replica would only hand it on to the leader. */
  readonly needsLeader: boolean;
  /** Whether a second try beside the first is harmless and useful. */
  readonly hedge?: boolean;
}

/** The answer, and whether an attempt before it was lost. */
export interface Reply extends Answer {
  readonly afterLoss: boolean;
}

/** The call ended without an answer. */
export class CallEnded extends Error {
  /**
   * @param perhapsDone whether some attempt may have been carried out
   * @param error what to tell, if that does not matter
   * @param transactionId which transaction it is about, where some attempt has told
   */
  constructor(
    readonly perhapsDone: boolean,
    readonly error: unknown,
    readonly transactionId?: string,
  ) {
    super('The call ended without an answer.', { cause: error });
  }
}

export interface DispatcherOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly replicas: Replicas;
  readonly budget: RetryBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly backoff: BackoffOptions;
  readonly hedge: HedgeOptions | false;
  readonly tracing: Tracing;
}

/** Where all replicas rest or are being probed: how soon to look again, in ms. */
const LOOK_AGAIN_MS = 20;
/** What the attempts of one call have met so far. */
class Failures {
  last: ConcordatError | undefined;
  /** Whether some attempt may have been carried out. */
  lost = false;
  transactionId: string | undefined;

  add({ kind, error }: Failure): void {
    // What a replica said tells more than that the last one was cut short.
    this.last = error.code === 'connection-lost' ? (this.last ?? error) : error;
    this.lost ||= kind === 'lost';
    this.transactionId ??= error.transactionId;
  }
}

/** How long a replica has to say that it lives, in ms. */
const EXAMINATION_MS = 1_000;
/** Longer than any long poll of the coordinator (30 s), and its answer's way back. */
export const LONG_POLL_ATTEMPT_MS = 35_000;

export class Dispatcher {
  readonly #readLatencies = new LatencyWindow();

  constructor(private readonly options: DispatcherOptions) {}

  /**
   * @param attemptMs how long one attempt may take, in ms; a share of the time left when left out
   * @throws CallEnded
   */
  async send(call: Call, deadline: Deadline, attemptMs?: number): Promise<Reply> {
    const { budget, replicas, random, backoff } = this.options;
    const tried = new Set<Replica>();
    const failures = new Failures();
    budget.earn();
    for (let attempt = 0; ; attempt += 1) {
      const chosen = await this.#choose(call, tried, deadline, failures);
      const headers = { ...(await this.options.headers()), ...call.headers };
      const timeoutMs = Math.min(attemptMs ?? deadline.attemptMs(), deadline.remainingMs);
      const outcome = await this.#attempt({ ...call, headers }, chosen, tried, timeoutMs, deadline);
      if (outcome.kind === 'answer') return { ...outcome, afterLoss: failures.lost };
      failures.add(outcome);
      if (outcome.kind === 'lost' && !call.repeatable) throw new CallEnded(true, outcome.error);
      tried.add(chosen.replica);
      if (outcome.everywhere || !replicas.hasUntried(tried)) {
        tried.clear();
        const retryAfterMs = outcome.everywhere ? outcome.retryAfterMs : 0;
        await this.#pause(backoffMs(attempt, random, backoff, retryAfterMs), deadline, failures);
      }
      while (!budget.spend()) await this.#pause(budget.waitMs, deadline, failures);
    }
  }

  /** Waits until some replica can be called. */
  async #choose(call: Call, tried: ReadonlySet<Replica>, deadline: Deadline, failures: Failures): Promise<Chosen> {
    const { replicas, random } = this.options;
    for (;;) {
      if (deadline.isOver) this.#end(deadline, failures);
      const chosen = replicas.choose(call.needsLeader, tried);
      if (chosen) return chosen;
      await this.#pause(Math.max(LOOK_AGAIN_MS, replicas.waitMs) + random() * LOOK_AGAIN_MS, deadline, failures);
    }
  }

  async #attempt(
    request: Call,
    chosen: Chosen,
    tried: ReadonlySet<Replica>,
    attemptMs: number,
    deadline: Deadline,
  ): Promise<Outcome> {
    const { hedge, replicas, budget, clock } = this.options;
    const run = (one: Chosen) => (signal: AbortSignal) => this.#one(request, one, attemptMs, deadline, signal);
    if (!hedge || !request.hedge || replicas.count < 2) return run(chosen)(new AbortController().signal);
    const second = () => {
      const another = replicas.choose(false, new Set([...tried, chosen.replica]), true);
      if (another && budget.spend()) return run(another);
      another?.permit.cancelled();
      return undefined;
    };
    const isGood = ({ kind }: Outcome) => kind === 'answer';
    return hedged(run(chosen), second, isGood, hedgeDelayMs(this.#readLatencies, hedge), clock);
  }

  /** One request to one replica, and what the replica's record says of it. */
  async #one(
    request: Call,
    { replica, permit }: Chosen,
    attemptMs: number,
    deadline: Deadline,
    cancelled: AbortSignal,
  ): Promise<Outcome> {
    const { clock, replicas } = this.options;
    const timer = new AbortController();
    const cancelTimer = clock.after(attemptMs, () =>
      timer.abort(new Error(`no answer within ${Math.round(attemptMs)} ms`)),
    );
    const signals = [timer.signal, cancelled, ...(deadline.signal ? [deadline.signal] : [])];
    const startedAt = clock.now();
    const outcome = await this.#traced(replica.url, request, AbortSignal.any(signals));
    cancelTimer();
    const gaveUp = cancelled.aborted || deadline.signal?.aborted;
    if (outcome.kind === 'answer') {
      permit.succeeded();
      replicas.learn(outcome.headers);
      if (request.hedge) this.#readLatencies.add(clock.now() - startedAt);
    } else if (gaveUp) permit.cancelled();
    else {
      if (timer.signal.aborted) void this.#examine(replica, permit);
      else if (outcome.isFault) permit.failed();
      else permit.succeeded();
      if (outcome.isFault) replicas.forgetLeader(replica);
      if (!outcome.everywhere) replica.rest(outcome.retryAfterMs);
    }
    return outcome;
  }

  /** Each request has a span of its own, and the replica continues from it. */
  #traced(url: string, request: Call, signal: AbortSignal): Promise<Outcome> {
    const { fetch, tracing } = this.options;
    if (tracing === UNTRACED) return exchange(fetch, url, request, signal);
    return tracing.span(spanOf(url, request), async (span) => {
      const outcome = await exchange(
        fetch,
        url,
        { ...request, headers: { ...request.headers, ...span.headers } },
        signal,
      );
      if (outcome.kind === 'answer') span.set({ 'http.response.status_code': outcome.status });
      if (outcome.error) span.fail(outcome.error.code, outcome.error.message);
      return outcome;
    });
  }

  /** Slow is not dead: a commit takes as long as its participants. So a replica that did not answer in time is asked if it lives. */
  async #examine(replica: Replica, permit: Permit): Promise<void> {
    const { clock, fetch } = this.options;
    const timer = new AbortController();
    const cancelTimer = clock.after(EXAMINATION_MS, () => timer.abort());
    const outcome = await exchange(
      fetch,
      replica.url,
      { method: 'GET', path: '/health/live', headers: {} },
      timer.signal,
    );
    cancelTimer();
    if (outcome.kind === 'answer') permit.succeeded();
    else permit.failed();
  }

  async #pause(waitMs: number, deadline: Deadline, failures: Failures): Promise<void> {
    const leftMs = deadline.remainingMs;
    try {
      await sleep(this.options.clock, Math.min(waitMs, leftMs), deadline.signal);
    } catch {
      this.#end(deadline, failures); // the caller's signal; its reason is told there
    }
    // Timers may be a little early: an attempt in what is then left could only be lost, and leave an outcome unknown.
    if (waitMs >= leftMs || deadline.isOver) this.#end(deadline, failures);
  }

  #end({ signal, timeoutMs }: Deadline, { last, lost, transactionId }: Failures): never {
    const cause = last ?? new ConcordatError('connection-lost', 'No replica could be called.', { retryable: true });
    const error = signal?.aborted ? signal.reason : new DeadlineExceededError(timeoutMs, { cause });
    throw new CallEnded(lost, error, transactionId);
  }
}

/** By OpenTelemetry's semantic conventions for HTTP. The name has no ids in it, so that there are only so many. */
function spanOf(url: string, { method, path }: Call): SpanStart {
  const plain = path.split('?', 1)[0] ?? path;
  const template = plain.replace(/^(\/v1\/[a-z-]+)\/[^/]+/, '$1/{id}');
  return {
    name: `${method} ${template}`,
    kind: 'client',
    attributes: { 'http.request.method': method, 'url.full': `${url}${path}`, 'url.template': template },
  };
}
