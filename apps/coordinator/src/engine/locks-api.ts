import type { LockHold, LockMode, LockSession } from '@concordat/locks';

type Consistency = 'linearizable' | 'stale';

export interface AcquireRequest {
  readonly name: string;
  readonly mode: LockMode;
  readonly owner: string;
  /** How long it lasts without a renewal, in ms. */
  readonly ttlMs: number;
  /** How long the call waits for it, in ms; 0: not at all. */
  readonly waitMs: number;
}

/** In the place of owner and ttlMs: the session that keeps it alive has both. */
export type SessionAcquireRequest = Omit<AcquireRequest, 'owner' | 'ttlMs'> & { readonly session: string };

/** Who calls for a lock, by which call, and whether it is still there. */
export interface LockCall {
  readonly caller: string;
  /** The Idempotency-Key. */
  readonly key?: string;
  /** Aborted when the connection of the call has ended. */
  readonly signal?: AbortSignal;
}

export interface Granted<T = LockHold> {
  readonly held: T;
  /** Until when its holder may count on it, by performance.now() of this process. */
  readonly until: number;
}

export interface LockView {
  readonly name: string;
  /** In the order of their grants; empty where the lock is free. */
  readonly holders: readonly {
    readonly hold: LockHold;
    /** Null where another replica leads: the leader alone counts. */
    readonly ttlRemainingMs: number | null;
  }[];
  /** How many wait for it; null where another replica leads. */
  readonly waiting: number | null;
}

export interface LockListQuery {
  /** 1 to 200. */
  readonly limit: number;
  readonly prefix?: string;
  /** Only names behind this one. */
  readonly after?: string;
  readonly consistency?: Consistency;
}

/** Locks as callers see them (docs/locks.md). All methods throw `not-ready` where no leader answers. */
export interface LockApi {
  /**
   * Resolves once the grant is durable and applied. The same call again, by its key, is answered with the same token for as long
   * as that holds the lock.
   * @throws ConcordatError lock-held, lock-session-not-found, idempotency-key-reused, too-many-locks, overloaded
   */
  acquire(request: AcquireRequest | SessionAcquireRequest, call: LockCall): Promise<Granted>;
  /** Of a lock with a session: renews the session. @throws ConcordatError lock-not-held */
  renew(name: string, token: number, caller: string): Promise<Granted>;
  /** @throws ConcordatError lock-not-held; not where this token was released a short time ago */
  release(name: string, token: number, caller: string): Promise<void>;
  read(name: string, consistency?: Consistency): Promise<LockView>;
  /** Locks that are held, by name. */
  list(query: LockListQuery): Promise<LockView[]>;
  /** Calls `listener` with the present state and whenever a holder comes or goes; returns the function that ends it. */
  watch(name: string, listener: (view: LockView) => void): Promise<() => void>;
  /** @throws ConcordatError too-many-locks */
  openSession(owner: string, ttlMs: number, call: LockCall): Promise<Granted<LockSession>>;
  /** @throws ConcordatError lock-session-not-found */
  renewSession(id: string, caller: string): Promise<Granted<LockSession>>;
  /** Releases everything that it holds. @throws ConcordatError lock-session-not-found */
  endSession(id: string, caller: string): Promise<void>;
  /** The session and what it holds. @throws ConcordatError lock-session-not-found */
  readSession(id: string): Promise<Granted<LockSession> & { readonly locks: readonly LockHold[] }>;
}
