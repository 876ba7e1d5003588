// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.

export type AcquireLockRequest = {
  /** Who holds it, for others to read: a host and process, say. The same owner may be refused like any other. */
  readonly owner?: string;
  /** Time until it ends without a renewal, in ms; longer where leadership changes. */
  readonly ttlMs?: number;
  /** In the place of `owner` and `ttlMs`: the session that keeps it alive. */
  readonly session?: string;
  /** How long to wait for it in line, in ms; 0 when left out. */
  readonly waitMs?: number;
  /** `exclusive` when left out. */
  readonly mode?: 'exclusive' | 'shared';
};

export type GrantedLock = {
  readonly name: string;
  readonly mode: 'exclusive' | 'shared';
  readonly owner: string;
  /** Larger than every token given before, for whatever lock. */
  readonly fencingToken: number;
  /** Lock, mode and token in one string, to be handed to servers. */
  readonly sequencer: string;
  readonly ttlMs: number;
  readonly session: string | null;
  readonly renewals: number;
  readonly grantedAt: string;
  /** How long to count on it from this answer on, in ms; measured from before the entry was proposed. */
  readonly ttlRemainingMs: number;
  /** How long the call was at the leader, in ms: the moment before the request was sent, and this, and `ttlRemainingMs`, is when to stop counting on it, however long the answer was on its way. */
  readonly waitedMs: number;
};

export type GrantedLockSession = {
  readonly id: string;
  readonly owner: string;
  readonly ttlMs: number;
  readonly renewals: number;
  readonly createdAt: string;
  /** How long to count on it from this answer on, in ms; measured from before the entry was proposed. */
  readonly ttlRemainingMs: number;
  /** How long the call was at the leader, in ms: the moment before the request was sent, and this, and `ttlRemainingMs`, is when to stop counting on it, however long the answer was on its way. */
  readonly waitedMs: number;
};

export type Lock = {
  readonly name: string;
  /** null where it is free. */
  readonly mode: 'exclusive' | 'shared' | null;
  readonly holders: readonly {
    readonly mode: 'exclusive' | 'shared';
    readonly owner: string;
    /** Larger than every token given before, for whatever lock. */
    readonly fencingToken: number;
    /** Lock, mode and token in one string, to be handed to servers. */
    readonly sequencer: string;
    readonly ttlMs: number;
    readonly session: string | null;
    readonly renewals: number;
    readonly grantedAt: string;
    /** How long it lasts at least; null at a replica that does not lead. */
    readonly ttlRemainingMs: number | null;
  }[];
  /** How many wait for it; null at a replica that does not lead. */
  readonly waiting: number | null;
};

export type LockList = {
  readonly items: readonly Lock[];
  /** Pass it as `cursor` for the next page; null at the end. */
  readonly nextCursor: string | null;
};

export type LockSession = {
  readonly id: string;
  readonly owner: string;
  readonly ttlMs: number;
  readonly renewals: number;
  readonly createdAt: string;
  /** How long to count on it from this answer on, in ms; measured from before the entry was proposed. */
  readonly ttlRemainingMs: number;
  /** What it holds. */
  readonly locks: readonly {
    readonly name: string;
    readonly mode: 'exclusive' | 'shared';
    /** Larger than every token given before, for whatever lock. */
    readonly fencingToken: number;
  }[];
};

export type LockSessionRequest = {
  /** Who holds it, for others to read: a host and process, say. The same owner may be refused like any other. */
  readonly owner: string;
  /** Time until it ends without a renewal, in ms; longer where leadership changes. */
  readonly ttlMs: number;
};

export type LockTokenRequest = {
  /** Larger than every token given before, for whatever lock. */
  readonly fencingToken: number;
};
