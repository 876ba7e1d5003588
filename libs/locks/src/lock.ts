/** What locks are made of: modes, holds, sessions, and the actions that change them. */

export type LockMode = 'exclusive' | 'shared';

/** One holder of a lock. */
export interface LockHold {
  readonly name: string;
  /** The fencing token: the CSN of the entry that granted it, so a later grant of anything has a larger one. */
  readonly token: number;
  readonly mode: LockMode;
  /** Who holds it, in its own words; told to others who want it. */
  readonly owner: string;
  /** The caller as the coordinator knows it: nobody else renews or releases. */
  readonly caller: string;
  /** The Idempotency-Key of the call that acquired it: the same call again is the same hold. */
  readonly key: string | null;
  /** How long it lasts without a renewal, in ms; that of its session where it has one. */
  readonly ttlMs: number;
  /** The session that keeps it alive; null where it is renewed by itself. */
  readonly session: string | null;
  readonly renewals: number;
  /** Unix ms. */
  readonly grantedAt: number;
}

/** Keeps any number of locks alive by one renewal. */
export interface LockSession {
  readonly id: string;
  readonly owner: string;
  readonly caller: string;
  readonly key: string | null;
  readonly ttlMs: number;
  readonly renewals: number;
  /** Unix ms. */
  readonly createdAt: number;
}

/** What an entry does. One that finds things otherwise than it names them does nothing. */
export type LockAction =
  | {
      readonly kind: 'grant';
      readonly name: string;
      readonly mode: LockMode;
      readonly owner: string;
      readonly caller: string;
      readonly key: string | null;
      readonly ttlMs: number;
      readonly session: string | null;
    }
  | { readonly kind: 'renew'; readonly name: string; readonly token: number }
  | { readonly kind: 'release'; readonly name: string; readonly token: number }
  /** The time of this hold is over, unless it was renewed since. */
  | { readonly kind: 'expire'; readonly name: string; readonly token: number; readonly renewals: number }
  | {
      readonly kind: 'session-open';
      readonly owner: string;
      readonly caller: string;
      readonly key: string | null;
      readonly ttlMs: number;
    }
  | { readonly kind: 'session-renew'; readonly id: string }
  | { readonly kind: 'session-end'; readonly id: string }
  | { readonly kind: 'session-expire'; readonly id: string; readonly renewals: number };

/** What one action changed. */
export interface LockChange {
  readonly kind: LockAction['kind'];
  /** Whether it took effect. */
  readonly done: boolean;
  /** Granted or renewed, as they are now. */
  readonly holds: readonly LockHold[];
  /** Holds that are over, as they were. */
  readonly ended: readonly LockHold[];
  /** Opened or renewed, as they are now. */
  readonly sessions: readonly LockSession[];
  readonly endedSessions: readonly LockSession[];
}

export interface LockState {
  /** In the order of their tokens. */
  readonly holds: readonly LockHold[];
  readonly sessions: readonly LockSession[];
}

/** Whether a holder of this mode can stand beside those that are there. */
export const isCompatible = (held: readonly LockMode[], mode: LockMode): boolean =>
  held.length === 0 || (mode === 'shared' && !held.includes('exclusive'));
