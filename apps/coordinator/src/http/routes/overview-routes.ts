import { callerSchema, overviewSchema, timelineSchema } from '../overview-schemas.js';
import { emptyQuerySchema } from '../schemas.js';
import { events, json, ONE_TRANSACTION, type Route } from './route.js';

/** What the console shows, and any dashboard may. */
export const overviewRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/overview/events',
    operationId: 'watchOverview',
    tag: 'operations',
    role: 'monitor',
    summary:
      'Rates, durations and what is under way at the leader, as server-sent events: at first one with the last ' +
      'minutes, then one each second.',
    query: emptyQuerySchema,
    responses: [
      events(
        'Events named `overview`, each with an Overview as its data; the stream ends when the replica leads no more.',
        'overview',
        overviewSchema,
      ),
    ],
    errors: ['request-invalid', 'overloaded', 'not-ready', 'stopping'],
  },
  {
    method: 'GET',
    path: '/v1/caller',
    operationId: 'getCaller',
    tag: 'operations',
    role: 'known',
    summary: 'Who calls, by the credentials of this call, and what that allows.',
    query: emptyQuerySchema,
    responses: [json(200, 'The caller.', callerSchema)],
    errors: ['request-invalid'],
  },
  {
    method: 'GET',
    path: '/v1/transactions/{id}/timeline',
    operationId: 'getTimeline',
    tag: 'transactions',
    role: 'caller',
    summary:
      'When each step of a recent transaction was taken, as the leader saw it. Kept in memory for the last 2,000; lost when ' +
      'leadership changes.',
    query: emptyQuerySchema,
    responses: [json(200, 'Its steps in order.', timelineSchema)],
    errors: ['request-invalid', ...ONE_TRANSACTION, 'postgres-unavailable', 'not-ready'],
  },
];
