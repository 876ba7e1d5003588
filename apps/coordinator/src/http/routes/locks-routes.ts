import {
  acquireRequestSchema,
  grantedLockSchema,
  grantedSessionSchema,
  lockListQuerySchema,
  lockListSchema,
  lockQuerySchema,
  lockSchema,
  lockSessionSchema,
  sessionRequestSchema,
  tokenRequestSchema,
} from '../locks-schemas.js';
import { emptyQuerySchema } from '../schemas.js';
import { BODY, events, json, KEY, type Route } from './route.js';

const lockRoute = (
  route: Pick<Route, 'method' | 'path' | 'operationId' | 'summary' | 'responses'> & Partial<Route>,
): Route => ({
  tag: 'locks',
  role: 'caller',
  query: emptyQuerySchema,
  ...route,
  errors: [...(route.method === 'GET' ? ['request-invalid' as const] : BODY), 'not-ready', ...(route.errors ?? [])],
});

export const lockRoutes: readonly Route[] = [
  lockRoute({
    method: 'GET',
    path: '/v1/locks',
    operationId: 'listLocks',
    summary: 'List the locks that are held, by name.',
    query: lockListQuerySchema,
    responses: [json(200, 'One page.', lockListSchema)],
    errors: ['cursor-invalid'],
  }),
  lockRoute({
    method: 'GET',
    path: '/v1/locks/{name}',
    operationId: 'getLock',
    summary: 'Who holds a lock. Every name is a lock: one that nobody holds is free.',
    query: lockQuerySchema,
    responses: [json(200, 'The lock as it is.', lockSchema)],
  }),
  lockRoute({
    method: 'POST',
    path: '/v1/locks/{name}/acquire',
    operationId: 'acquireLock',
    summary:
      'Acquire a lock, waiting in line for it if asked to. With an Idempotency-Key the same call made again gets the same token ' +
      'for as long as that holds the lock; without one, it waits for itself.',
    body: { schema: acquireRequestSchema, required: true },
    idempotencyKey: true,
    responses: [json(200, 'It is held: durably, until it is released or not renewed in time.', grantedLockSchema)],
    errors: [...KEY, 'lock-held', 'lock-session-not-found', 'too-many-locks', 'overloaded', 'outcome-unknown'],
  }),
  lockRoute({
    method: 'POST',
    path: '/v1/locks/{name}/renew',
    operationId: 'renewLock',
    summary: 'Begin the lease anew; of a lock with a session, the lease of the session.',
    body: { schema: tokenRequestSchema, required: true },
    responses: [json(200, 'It is held on.', grantedLockSchema)],
    errors: ['lock-not-held', 'lock-session-not-found', 'outcome-unknown'],
  }),
  lockRoute({
    method: 'POST',
    path: '/v1/locks/{name}/release',
    operationId: 'releaseLock',
    summary: 'Release a lock. Repeated a short time later it is answered as the first time.',
    body: { schema: tokenRequestSchema, required: true },
    responses: [{ status: 204, description: 'It is released.' }],
    errors: ['lock-not-held', 'outcome-unknown'],
  }),
  lockRoute({
    method: 'GET',
    path: '/v1/locks/{name}/events',
    operationId: 'watchLock',
    summary: 'Server-sent events: the lock as it is, then whenever a holder comes or goes.',
    responses: [events('Events named `lock`, each with a Lock as its data.', 'lock', lockSchema)],
    errors: ['overloaded'],
  }),
  lockRoute({
    method: 'POST',
    path: '/v1/lock-sessions',
    operationId: 'openLockSession',
    summary: 'Open a session, which keeps any number of locks alive by one renewal.',
    body: { schema: sessionRequestSchema, required: true },
    idempotencyKey: true,
    responses: [
      { ...json(201, 'The session is open.', grantedSessionSchema), headers: { Location: 'Path of the session.' } },
    ],
    errors: ['idempotency-key-invalid', 'too-many-locks', 'outcome-unknown'],
  }),
  lockRoute({
    method: 'GET',
    path: '/v1/lock-sessions/{session}',
    operationId: 'getLockSession',
    summary: 'Read a session and what it holds.',
    responses: [json(200, 'The session.', lockSessionSchema)],
    errors: ['lock-session-not-found'],
  }),
  lockRoute({
    method: 'POST',
    path: '/v1/lock-sessions/{session}/renew',
    operationId: 'renewLockSession',
    summary: 'Begin the lease of a session anew.',
    responses: [json(200, 'It goes on.', grantedSessionSchema)],
    errors: ['lock-session-not-found', 'outcome-unknown'],
  }),
  lockRoute({
    method: 'DELETE',
    path: '/v1/lock-sessions/{session}',
    operationId: 'endLockSession',
    summary: 'End a session and release everything that it holds.',
    responses: [{ status: 204, description: 'It has ended.' }],
    errors: ['lock-session-not-found', 'outcome-unknown'],
  }),
];
