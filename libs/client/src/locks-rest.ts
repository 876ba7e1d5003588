/** The coordinator's REST API for locks, call by call. */
import type { Deadline } from './deadline.js';
import type { AcquireLockRequest, GrantedLock, GrantedLockSession, Lock, LockSessionRequest } from './generated/api.js';
import { type Consistency, query, type Rest, read, write } from './rest.js';

/** Beyond the wait of an acquire, in ms. */
const ATTEMPT_MARGIN_MS = 10_000;

export class LocksRest {
  constructor(private readonly rest: Rest) {}

  /** @param key the same for every attempt: whoever was granted the lock by one that was lost gets the same token */
  acquire(name: string, body: AcquireLockRequest, key: string, deadline: Deadline): Promise<GrantedLock> {
    const attemptMs = (body.waitMs ?? 0) + ATTEMPT_MARGIN_MS;
    return this.rest.answer(write('POST', `${lockPath(name)}/acquire`, body, key), deadline, attemptMs);
  }

  renew(name: string, fencingToken: number, deadline: Deadline): Promise<GrantedLock> {
    return this.rest.answer(write('POST', `${lockPath(name)}/renew`, { fencingToken }), deadline);
  }

  async release(name: string, fencingToken: number, deadline: Deadline): Promise<void> {
    await this.rest.answer(write('POST', `${lockPath(name)}/release`, { fencingToken }), deadline);
  }

  get(name: string, consistency: Consistency | undefined, deadline: Deadline): Promise<Lock> {
    return this.rest.answer(read(`${lockPath(name)}${query({ consistency })}`, { consistency }), deadline);
  }

  openSession(body: LockSessionRequest, key: string, deadline: Deadline): Promise<GrantedLockSession> {
    return this.rest.answer(write('POST', '/v1/lock-sessions', body, key), deadline);
  }

  renewSession(id: string, deadline: Deadline): Promise<GrantedLockSession> {
    return this.rest.answer(write('POST', `${sessionPath(id)}/renew`), deadline);
  }

  async endSession(id: string, deadline: Deadline): Promise<void> {
    await this.rest.answer(write('DELETE', sessionPath(id)), deadline);
  }
}

const lockPath = (name: string): string => `/v1/locks/${encodeURIComponent(name)}`;
const sessionPath = (id: string): string => `/v1/lock-sessions/${encodeURIComponent(id)}`;
