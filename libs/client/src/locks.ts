/** Locks: acquired, kept alive by renewals, given back (docs/locks.md). */
import type { Clock } from './clock.js';
import { Deadline } from './deadline.js';
import { ConcordatError } from './errors.js';
import type { GrantedLock, GrantedLockSession, Lock } from './generated/api.js';
import { LeaseKeeper } from './lease-keeper.js';
import type { LocksRest } from './locks-rest.js';
import type { CallOptions } from './options.js';
import { randomId } from './random-id.js';
import type { Consistency } from './rest.js';

const TTL_MS_DEFAULT = 30_000;
/** What the coordinator takes as the longest wait of one call, in ms. */
const WAIT_MS_MAX = 60_000;

export interface SessionAcquireOptions extends CallOptions {
  /** `exclusive` when left out. */
  readonly mode?: 'exclusive' | 'shared';
  /** How long to wait in line, in ms; 0 when left out. `timeoutMs` comes on top of it. */
  readonly waitMs?: number;
}

export interface AcquireOptions extends SessionAcquireOptions {
  /** How long it outlives its last renewal, in ms; 30,000 when left out. */
  readonly ttlMs?: number;
  /** Who holds it, for others to read; a random name when left out. */
  readonly owner?: string;
}

/** A lock that is held, until `release`, or until `signal` says that it may be lost. */
export interface HeldLock {
  readonly name: string;
  readonly mode: 'exclusive' | 'shared';
  readonly owner: string;
  /** To be passed to every resource that the lock protects, which refuses one below the largest that it has seen. */
  readonly fencingToken: number;
  /** Lock, mode and token in one string. */
  readonly sequencer: string;
  /** Aborted when the lock may be lost; its reason is a ConcordatError `lock-not-held`. */
  readonly signal: AbortSignal;
  /** How long it can be counted on without a further renewal, in ms. */
  readonly remainingMs: number;
  /** Gives it back; may be called again. @throws ConcordatError lock-not-held when it was lost before */
  release(): Promise<void>;
}

/** Keeps any number of locks alive by one renewal. Its signal is that of all its locks. */
export interface HeldSession {
  readonly id: string;
  readonly owner: string;
  readonly signal: AbortSignal;
  readonly remainingMs: number;
  acquire(name: string, options?: SessionAcquireOptions): Promise<HeldLock>;
  /** Ends it and releases everything that it holds. */
  end(): Promise<void>;
}

export class Locks {
  /** @param timeoutMs of a call, without its wait, in ms */
  constructor(
    private readonly rest: LocksRest,
    private readonly clock: Clock,
    private readonly timeoutMs: number,
  ) {}

  /**
   * Acquires a lock and renews it from then on at a third of its time.
   * @throws ConcordatError lock-held when others hold it and the wait is over; DeadlineExceededError
   */
  async acquire(name: string, options: AcquireOptions = {}): Promise<HeldLock> {
    const { ttlMs = TTL_MS_DEFAULT, owner = `client-${randomId()}` } = options;
    const { granted, sentAt } = await this.#acquire(name, { owner, ttlMs }, options);
    const { fencingToken } = granted;
    const keeper = new LeaseKeeper(this.clock, `The lock ${name}`, (timeoutMs) =>
      this.rest.renew(name, fencingToken, new Deadline(this.clock, timeoutMs)),
    );
    keeper.answered(granted, sentAt);
    if (keeper.remainingMs < granted.ttlMs / 3) await keeper.renewNow(); // the answer was long on its way
    return this.#held(granted, keeper, () => keeper.end());
  }

  /**
   * Does `work` while a lock is held, and releases it. Pass `lock.fencingToken` to what the lock protects, and stop when
   * `lock.signal` is aborted.
   * @returns what the work returned
   * @throws what the work throws; ConcordatError lock-not-held when the lock may have been lost while it went on; as `acquire`
   */
  async withLock<T>(name: string, options: AcquireOptions, work: (lock: HeldLock) => Promise<T>): Promise<T> {
    const lock = await this.acquire(name, options);
    try {
      const result = await work(lock);
      lock.signal.throwIfAborted();
      return result;
    } finally {
      await lock.release().catch(() => undefined); // its lease ends it
    }
  }

  /** Opens a session and renews it from then on. */
  async openSession(
    options: { readonly owner?: string; readonly ttlMs?: number } & CallOptions = {},
  ): Promise<HeldSession> {
    const { ttlMs = TTL_MS_DEFAULT, owner = `client-${randomId()}` } = options;
    const sentAt = this.clock.now();
    const opened: GrantedLockSession = await this.rest.openSession(
      { owner, ttlMs },
      randomId(),
      this.#deadline(options),
    );
    const { id } = opened;
    const keeper = new LeaseKeeper(this.clock, `The session ${id}`, (timeoutMs) =>
      this.rest.renewSession(id, new Deadline(this.clock, timeoutMs)),
    );
    keeper.answered(opened, sentAt);
    return {
      ...{ id, owner, signal: keeper.signal },
      get remainingMs() {
        return keeper.remainingMs;
      },
      acquire: async (name, acquireOptions = {}) => {
        const { granted } = await this.#acquire(name, { session: id }, acquireOptions);
        return this.#held(granted, keeper, () => undefined);
      },
      end: async () => {
        keeper.end();
        await this.rest.endSession(id, this.#deadline({}));
      },
    };
  }

  get(name: string, options: CallOptions & { readonly consistency?: Consistency } = {}): Promise<Lock> {
    return this.rest.get(name, options.consistency, this.#deadline(options));
  }

  /** For servers: whether the token of a sequencer still holds its lock. A resource of one's own better compares tokens. */
  async check(sequencer: string, options: CallOptions = {}): Promise<boolean> {
    const [, token, name] = /^([0-9]+)\.[xs]\.(.+)$/.exec(sequencer) ?? [];
    if (name === undefined) throw new ConcordatError('misuse', 'That is no sequencer.');
    const { holders } = await this.get(name, options);
    return holders.some((holder) => holder.sequencer === sequencer && holder.fencingToken === Number(token));
  }

  /** One line after the other until the wait is over; the same key throughout, so that a lost answer is no lost lock. */
  async #acquire(name: string, who: object, options: SessionAcquireOptions) {
    const { mode, waitMs = 0, timeoutMs = this.timeoutMs, signal } = options;
    const deadline = new Deadline(this.clock, waitMs + timeoutMs, signal);
    const until = this.clock.now() + waitMs;
    const key = randomId();
    for (;;) {
      const sentAt = this.clock.now();
      const leftMs = Math.round(Math.max(0, until - sentAt));
      const body = { ...who, waitMs: Math.min(leftMs, WAIT_MS_MAX), ...(mode && { mode }) };
      try {
        return { granted: await this.rest.acquire(name, body, key, deadline), sentAt };
      } catch (error) {
        if ((error as ConcordatError).code !== 'lock-held' || leftMs <= WAIT_MS_MAX) throw error;
      }
    }
  }

  #held(granted: GrantedLock, keeper: LeaseKeeper, end: () => void): HeldLock {
    const { name, mode, owner, fencingToken, sequencer } = granted;
    let released: Promise<void> | undefined;
    return {
      ...{ name, mode, owner, fencingToken, sequencer, signal: keeper.signal },
      get remainingMs() {
        return keeper.remainingMs;
      },
      release: () => {
        end();
        released ??= this.rest.release(name, fencingToken, this.#deadline({}));
        return released;
      },
    };
  }

  #deadline({ timeoutMs = this.timeoutMs, signal }: CallOptions): Deadline {
    return new Deadline(this.clock, timeoutMs, signal);
  }
}
