import type { CancelCause } from '../execution.js';
import { Session, type SessionData } from './session.js';

/** `setTimeout` takes no longer time than this. */
const TIMER_MS_MAX = 2 ** 31 - 1;

interface Kept {
  readonly session: Session;
  timer: NodeJS.Timeout;
}

/**
 * The sessions of this process, one per transaction at most. Each ends by decision, rollback or deadline, and leaves
 * nothing behind: what it wrote was in memory only. Bounded in number; those that wait for nothing but a repetition of
 * their prepare make room first.
 */
export class Sessions {
  readonly #kept = new Map<string, Kept>();

  constructor(private readonly sessionsMax: number) {}

  get size(): number {
    return this.#kept.size;
  }

  get(transactionId: string): Session | undefined {
    return this.#kept.get(transactionId)?.session;
  }

  /** Undefined where there is no room. `remainingMs`: until the deadline of the transaction. */
  open(data: SessionData, remainingMs: number): Session | undefined {
    if (this.#kept.size >= this.sessionsMax && !this.#makeRoom()) return undefined;
    const session = new Session(data);
    this.#kept.set(data.transactionId, { session, timer: this.#timer(data.transactionId, remainingMs) });
    return session;
  }

  /** The deadline as a later command tells it. */
  extend(transactionId: string, remainingMs: number): void {
    const kept = this.#kept.get(transactionId);
    if (!kept) return;
    clearTimeout(kept.timer);
    kept.timer = this.#timer(transactionId, remainingMs);
  }

  /** Ends a session, and the operation that runs in it. Resolves when nothing of it runs any more. */
  async end(transactionId: string, cause: CancelCause): Promise<void> {
    const kept = this.#kept.get(transactionId);
    if (!kept) return;
    this.#kept.delete(transactionId);
    clearTimeout(kept.timer);
    await kept.session.running?.cancel(cause);
  }

  async endAll(cause: CancelCause): Promise<void> {
    await Promise.all([...this.#kept.keys()].map((transactionId) => this.end(transactionId, cause)));
  }

  #timer(transactionId: string, remainingMs: number): NodeJS.Timeout {
    return setTimeout(() => void this.end(transactionId, 'deadline'), Math.min(remainingMs, TIMER_MS_MAX));
  }

  #makeRoom(): boolean {
    for (const [transactionId, { session }] of this.#kept) {
      if (session.outcome === undefined) continue;
      void this.end(transactionId, 'deadline');
      return true;
    }
    return false;
  }
}
