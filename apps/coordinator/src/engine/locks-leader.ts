/**
 * The leader's part in locks: keeps the line, proposes what happens to locks, answers when that is applied, ends what was not
 * renewed in time.
 *
 * - LK1 A grant is an entry: it is answered once it is applied. A leader that was paused, or is none any more, cannot grant.
 * - LK2 D9: an expiry is an entry too, which names token and renewal count; a renewal that got into the log first wins.
 * - LK3 Leaders' clocks differ, so a new leader counts the whole lease time anew. Holders are told a time that began before
 *   the proposal, so they stop counting on a lock before anybody ends it.
 * - LK4 What is granted to a call that is gone is released: nobody has heard of it.
 */
import type { LockAction, LockChange, LockHold, LockSession } from '@concordat/locks';
import { ConcordatError } from '@concordat/protocol';
import type { Change, Entry, Ledger } from '@concordat/transaction';
import { unavailable } from './errors.js';
import type { AcquireRequest, LockCall } from './locks-api.js';
import { LockLeases } from './locks-leases.js';
import { LockWaiter, LockWaiters, type WaitingCall } from './locks-waiters.js';
import type { Clock } from './ports.js';
import { within } from './within.js';

/** Holders of all locks together, and sessions. All of them are in the memory of every replica. */
const LOCKS_MAX = 10_000;
/** How long a call waits for its entry to be applied. */
const ENTRY_WAIT_MS_MAX = 10_000;
/** An expiry that was not taken is tried again, should this replica lead after all. */
const EXPIRE_RETRY_MS = 1_000;

export interface LocksLeaderPorts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Returns false when the entry was not taken. */
  readonly propose: (entry: Entry) => boolean;
}

interface Pending {
  /** By performance.now(), before the proposal. */
  readonly since: number;
  readonly resolve: (change: LockChange | undefined) => void;
}

export class LocksLeader {
  readonly #leases = new LockLeases();
  readonly #waiters = new LockWaiters();
  readonly #pending = new Map<string, Pending>();
  /** Tokens whose release is under way: no call is answered with one of them. */
  readonly #leaving = new Set<number>();
  #sequence = 0;
  #stopped = false;

  /** Begins to count for what is held already (LK3). */
  constructor(
    private readonly term: number,
    private readonly ports: LocksLeaderPorts,
  ) {
    const { holds, sessions } = ports.ledger.locks.state();
    const now = performance.now();
    for (const session of sessions) this.#leaseSession(session, now);
    for (const hold of holds) if (hold.session === null) this.#leaseHold(hold, now);
  }

  get #table() {
    return this.ports.ledger.locks;
  }

  /** Until when the holder may count on it, by performance.now(). */
  until({ token, session }: LockHold): number {
    return this.#leases.until(session ?? String(token));
  }

  untilOfSession(id: string): number {
    return this.#leases.until(id);
  }

  remainingMs(hold: LockHold): number {
    return Math.max(0, Math.floor(this.until(hold) - performance.now()));
  }

  /** Calls that wait for any lock. */
  get waitingCalls(): number {
    return this.#waiters.size;
  }

  waiting(name: string): number {
    return this.#waiters.count(name);
  }

  /** The hold that this call has got already. @throws ConcordatError idempotency-key-reused */
  acquired({ name, mode, owner }: AcquireRequest, { caller, key }: LockCall): LockHold | undefined {
    if (key === undefined) return undefined;
    const isSame = (hold: LockHold) => hold.key === key && hold.caller === caller && !this.#leaving.has(hold.token);
    const hold = this.#table.holders(name).find(isSame);
    if (hold && (hold.mode !== mode || hold.owner !== owner)) throw keyReused();
    return hold;
  }

  /**
   * Waits in line, at most for `waitMs`, and then for the entry.
   * @returns nothing when the time is over
   * @throws ConcordatError overloaded, too-many-locks, idempotency-key-reused, lock-session-not-found, not-ready
   */
  async wait(request: AcquireRequest, session: string | null, origin: LockCall): Promise<LockHold | undefined> {
    const { signal } = origin;
    const waiter = this.#place(request, session, origin);
    const { promise, resolve, reject } = Promise.withResolvers<LockHold | undefined>();
    const call: WaitingCall = { signal, resolve, reject };
    waiter.calls.add(call);
    this.#advance(request.name);
    // An entry that is under way is waited for, whatever the caller wanted to wait; not by a caller who is gone.
    const giveUp = () => this.#leave(waiter, call) && resolve(undefined);
    const timer = setTimeout(giveUp, request.waitMs);
    const onAbort = () => {
      if (!this.#leave(waiter, call)) waiter.calls.delete(call); // LK4
      resolve(undefined);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    try {
      const ended = promise.then((hold) => ({ hold }));
      const answer = await within(ended, request.waitMs + ENTRY_WAIT_MS_MAX);
      if (answer) return answer.hold;
      waiter.calls.delete(call); // LK4
      throw notDurable();
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** What the entry changed, once it is applied. @throws ConcordatError not-ready */
  async submit(action: LockAction): Promise<LockChange> {
    const change = await within(this.#propose(action), ENTRY_WAIT_MS_MAX);
    if (change) return change;
    throw notDurable();
  }

  onChange(change: NonNullable<Change['locks']>): void {
    const pending = this.#pending.get(change.request);
    const since = pending?.since ?? performance.now();
    for (const hold of change.ended) {
      this.#leases.end(String(hold.token));
      this.#leaving.delete(hold.token);
    }
    for (const { id } of change.endedSessions) this.#leases.end(id);
    for (const hold of change.holds) if (hold.session === null) this.#leaseHold(hold, since);
    for (const session of change.sessions) this.#leaseSession(session, since);
    this.#pending.delete(change.request);
    pending?.resolve(change);
    for (const name of new Set(change.ended.map((hold) => hold.name))) this.#advance(name);
  }

  /** Leadership is lost: nothing ends here any more, and whoever waits is sent elsewhere. */
  stop(): void {
    this.#stopped = true;
    this.#leases.stop();
    for (const { resolve } of this.#pending.values()) resolve(undefined);
    for (const waiter of [...this.#waiters.all()]) this.#fail(waiter, notLeading());
  }

  #place(request: AcquireRequest, session: string | null, { caller, key }: LockCall): LockWaiter {
    const known = key === undefined ? undefined : this.#waiters.find(request.name, caller, key);
    if (known) {
      if (known.mode !== request.mode || known.request.owner !== request.owner) throw keyReused();
      return known;
    }
    if (this.#waiters.isFull) {
      throw new ConcordatError('overloaded', 'Too many calls wait for locks.', { retryAfterMs: 1_000 });
    }
    checkRoom(this.#table.size);
    const waiter = new LockWaiter(request, session, caller, key ?? null);
    this.#waiters.add(waiter);
    return waiter;
  }

  /** @returns whether the call is out of the line; not while its grant is under way */
  #leave(waiter: LockWaiter, call: WaitingCall): boolean {
    if (waiter.isProposed) return false;
    waiter.calls.delete(call);
    if (waiter.calls.size === 0) {
      this.#waiters.remove(waiter);
      this.#advance(waiter.request.name);
    }
    return true;
  }

  /** Proposes the grants of those whose turn it is. */
  #advance(name: string): void {
    if (this.#stopped) return;
    const held = this.#table.holders(name).map(({ mode }) => mode);
    for (const waiter of this.#waiters.next(name, held)) void this.#grant(waiter);
  }

  async #grant(waiter: LockWaiter): Promise<void> {
    waiter.isProposed = true;
    const { name, mode, owner, ttlMs } = waiter.request;
    const { caller, key, session } = waiter;
    const change = await this.#propose({ kind: 'grant', name, mode, owner, caller, key, ttlMs, session });
    if (!change) return this.#fail(waiter, notLeading());
    this.#waiters.remove(waiter);
    const [hold] = change.holds;
    if (hold) this.#deliver(waiter, hold);
    else this.#fail(waiter, sessionNotFound(session ?? '')); // nothing else can stand in its way
    this.#advance(name);
  }

  #deliver(waiter: LockWaiter, hold: LockHold): void {
    const there = [...waiter.calls].filter(({ signal }) => !signal?.aborted);
    for (const { resolve } of there) resolve(hold);
    if (there.length > 0) return;
    this.#leaving.add(hold.token); // LK4
    void this.#propose({ kind: 'release', name: hold.name, token: hold.token });
  }

  #fail(waiter: LockWaiter, error: ConcordatError): void {
    this.#waiters.remove(waiter);
    for (const { reject } of waiter.calls) reject(error);
  }

  /** Resolves with what the entry changed once it is applied; with undefined where leadership is lost before. */
  #propose(action: LockAction): Promise<LockChange | undefined> {
    this.#sequence += 1;
    const request = `${this.term}-${this.#sequence}`;
    const since = performance.now();
    return new Promise((resolve) => {
      this.#pending.set(request, { since, resolve });
      if (!this.#stopped && this.ports.propose({ type: 'lock', action, request, at: this.ports.clock.now() })) return;
      this.#pending.delete(request);
      resolve(undefined);
    });
  }

  #leaseHold({ name, token, renewals, ttlMs }: LockHold, since: number): void {
    const expire = { kind: 'expire', name, token, renewals } as const;
    this.#lease(String(token), ttlMs, since, expire);
  }

  #leaseSession({ id, renewals, ttlMs }: LockSession, since: number): void {
    this.#lease(id, ttlMs, since, { kind: 'session-expire', id, renewals });
  }

  #lease(id: string, ttlMs: number, since: number, expire: LockAction): void {
    this.#leases.begin(id, ttlMs, since, () => void this.#expire(expire, id));
  }

  /** LK2. A new leader may not know yet that all members understand the entry: then it is tried again. */
  async #expire(expire: LockAction, id: string): Promise<void> {
    if ((await this.#propose(expire)) || this.#stopped) return;
    this.#lease(id, EXPIRE_RETRY_MS, Number.NEGATIVE_INFINITY, expire);
  }
}

/** @throws ConcordatError too-many-locks */
export function checkRoom(count: number): void {
  if (count < LOCKS_MAX) return;
  throw new ConcordatError('too-many-locks', `${LOCKS_MAX} are held, which is the limit.`);
}

export const sessionNotFound = (id: string): ConcordatError =>
  new ConcordatError('lock-session-not-found', `There is no session ${JSON.stringify(id.slice(0, 100))}.`);

const keyReused = (): ConcordatError =>
  new ConcordatError('idempotency-key-reused', 'This Idempotency-Key came with another mode or owner before.');

const notLeading = (): ConcordatError => unavailable('not-ready', 'This coordinator does not lead (any more).');

const notDurable = (): ConcordatError => unavailable('not-ready', 'It could not be made durable yet.');
