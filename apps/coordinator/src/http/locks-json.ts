import { type LockHold, type LockSession, sequencerOf } from '@concordat/locks';
import type { Granted, LockView } from '../engine/locks-api.js';
import { isoTime } from './transaction-json.js';

const holdJson = (hold: LockHold) => ({
  mode: hold.mode,
  owner: hold.owner,
  fencingToken: hold.token,
  sequencer: sequencerOf(hold),
  ttlMs: hold.ttlMs,
  session: hold.session,
  renewals: hold.renewals,
  grantedAt: isoTime(hold.grantedAt),
});

const sessionJson = ({ id, owner, ttlMs, renewals, createdAt }: LockSession) => ({
  ...{ id, owner, ttlMs, renewals },
  createdAt: isoTime(createdAt),
});

/** Both by one look at the clock, so that their sum is true however long the process stood still before. */
function timesOf(until: number, since: number): { readonly ttlRemainingMs: number; readonly waitedMs: number } {
  const now = performance.now();
  return { ttlRemainingMs: Math.max(0, Math.floor(until - now)), waitedMs: Math.max(0, Math.floor(now - since)) };
}

/** @param since when the call came, by performance.now() */
export const grantedJson = ({ held, until }: Granted, since: number): string =>
  JSON.stringify({ name: held.name, ...holdJson(held), ...timesOf(until, since) });

/** @param since as above */
export const grantedSessionJson = ({ held, until }: Granted<LockSession>, since: number): string =>
  JSON.stringify({ ...sessionJson(held), ...timesOf(until, since) });

export const lockSessionJson = ({
  held,
  until,
  locks,
}: Granted<LockSession> & { locks: readonly LockHold[] }): string =>
  JSON.stringify({
    ...sessionJson(held),
    ttlRemainingMs: timesOf(until, 0).ttlRemainingMs,
    locks: locks.map(({ name, mode, token }) => ({ name, mode, fencingToken: token })),
  });

export const lockJson = (view: LockView): string => JSON.stringify(lockOf(view));

export const lockListJson = (views: readonly LockView[], nextCursor: string | null): string =>
  JSON.stringify({ items: views.map(lockOf), nextCursor });

const lockOf = ({ name, holders, waiting }: LockView) => ({
  name,
  mode: holders[0]?.hold.mode ?? null,
  holders: holders.map(({ hold, ttlRemainingMs }) => ({ ...holdJson(hold), ttlRemainingMs })),
  waiting,
});
