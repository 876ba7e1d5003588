import { type LockHold, type LockMode, nextInLine } from '@concordat/locks';
import type { ConcordatError } from '@concordat/protocol';
import type { AcquireRequest } from './locks-api.js';

/** Calls that wait for locks at once; further ones are refused as overload. */
const LOCK_WAITERS_MAX = 10_000;
/** Holders of one shared lock. */
const LOCK_HOLDERS_MAX = 1_000;

/** A call that waits. */
export interface WaitingCall {
  readonly signal: AbortSignal | undefined;
  /** With nothing when it has waited long enough. */
  readonly resolve: (hold: LockHold | undefined) => void;
  readonly reject: (error: ConcordatError) => void;
}

/** One place in the line for a lock. The same call made again, by its key, takes the place that it has already. */
export class LockWaiter {
  readonly calls = new Set<WaitingCall>();
  /** The entry with the grant is under way. */
  isProposed = false;

  constructor(
    readonly request: AcquireRequest,
    readonly session: string | null,
    readonly caller: string,
    readonly key: string | null,
  ) {}

  get mode(): LockMode {
    return this.request.mode;
  }
}

/**
 * Who waits for which lock, in the order in which they came. It is in the leader's memory only: a waiter is a connection that
 * is open, and when the leader goes, that goes as well; in the log it would be granted a lock that nobody hears of. So a change
 * of the leader costs waiters their places, and nothing else.
 */
export class LockWaiters {
  readonly #lines = new Map<string, LockWaiter[]>();
  #size = 0;

  get isFull(): boolean {
    return this.#size >= LOCK_WAITERS_MAX;
  }

  /** Places in all lines. */
  get size(): number {
    return this.#size;
  }

  count(name: string): number {
    return this.#lines.get(name)?.length ?? 0;
  }

  *all(): Generator<LockWaiter> {
    for (const line of this.#lines.values()) yield* line;
  }

  find(name: string, caller: string, key: string): LockWaiter | undefined {
    return this.#lines.get(name)?.find((waiter) => waiter.key === key && waiter.caller === caller);
  }

  add(waiter: LockWaiter): void {
    const { name } = waiter.request;
    const line = this.#lines.get(name) ?? [];
    this.#lines.set(name, line);
    line.push(waiter);
    this.#size += 1;
  }

  remove(waiter: LockWaiter): void {
    const { name } = waiter.request;
    const line = this.#lines.get(name) ?? [];
    const place = line.indexOf(waiter);
    if (place < 0) return;
    line.splice(place, 1);
    this.#size -= 1;
    if (line.length === 0) this.#lines.delete(name);
  }

  /** Those whose turn it is, beside those that hold the lock and those whose grant is under way. */
  next(name: string, held: readonly LockMode[]): LockWaiter[] {
    const line = this.#lines.get(name);
    if (!line) return [];
    const coming = line.filter(({ isProposed }) => isProposed).map(({ mode }) => mode);
    const waiting = line.filter(({ isProposed }) => !isProposed);
    return nextInLine([...held, ...coming], waiting, LOCK_HOLDERS_MAX);
  }
}
