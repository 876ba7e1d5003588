import type { Clock } from './clock.js';
import { ConcordatError } from './errors.js';

/** A lease is renewed when this share of its time has passed: two renewals may fail before it is over. */
const RENEW_SHARE = 1 / 3;
/** After a renewal that failed, in ms. */
const RETRY_MS_MIN = 50;

/** What the coordinator says of a lease. */
export interface LeaseAnswer {
  readonly ttlMs: number;
  readonly ttlRemainingMs: number;
  readonly waitedMs: number;
}

/**
 * Keeps one lease alive, and knows until when it can be counted on: the moment before the request was sent, the time that the
 * request was at the leader, and what remained then. However long the answer was on its way, nobody ends the lease before.
 */
export class LeaseKeeper {
  readonly #lost = new AbortController();
  #until = 0;
  #ended = false;
  #cancelRenewal: () => void = () => undefined;
  #cancelEnd: () => void = () => undefined;

  /**
   * @param renew begins the lease anew, within the given time in ms
   * @param what for messages
   */
  constructor(
    private readonly clock: Clock,
    private readonly what: string,
    private readonly renew: (timeoutMs: number) => Promise<LeaseAnswer>,
  ) {}

  /** Aborted when the lease may be over; its reason is an error. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** How long it can be counted on, in ms. */
  get remainingMs(): number {
    return Math.max(0, this.#until - this.clock.now());
  }

  /** @param sentAt by the clock, before the request was sent */
  answered({ ttlMs, ttlRemainingMs, waitedMs }: LeaseAnswer, sentAt: number): void {
    this.#cancelRenewal();
    this.#cancelEnd();
    if (this.#ended) return;
    this.#until = Math.max(this.#until, sentAt + waitedMs + ttlRemainingMs);
    this.#cancelEnd = this.clock.after(this.remainingMs, () => this.#lose());
    this.#renewLater(Math.min(ttlMs * RENEW_SHARE, this.remainingMs * RENEW_SHARE));
  }

  /** One renewal now. @throws ConcordatError lock-not-held and others, DeadlineExceededError */
  async renewNow(): Promise<void> {
    const sentAt = this.clock.now();
    this.answered(await this.renew(Math.max(1, this.remainingMs)), sentAt);
  }

  /** It is given back, or of no use any more. */
  end(): void {
    this.#ended = true;
    this.#cancelRenewal();
    this.#cancelEnd();
  }

  #renewLater(afterMs: number): void {
    this.#cancelRenewal = this.clock.after(afterMs, () => void this.#renewal());
  }

  async #renewal(): Promise<void> {
    try {
      await this.renewNow();
    } catch (error) {
      if (this.#ended) return;
      const { retryable } = error as Partial<ConcordatError>;
      if (retryable) this.#renewLater(Math.max(RETRY_MS_MIN, this.remainingMs * RENEW_SHARE));
      else this.#lose(error);
    }
  }

  #lose(cause?: unknown): void {
    if (this.#ended) return;
    this.end();
    const message = `${this.what} may be lost: it was not renewed in time.`;
    this.#lost.abort(new ConcordatError('lock-not-held', message, {}, { cause }));
  }
}
