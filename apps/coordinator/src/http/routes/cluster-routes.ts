import { addMemberSchema, clusterQuerySchema, clusterSchema, emptyQuerySchema, transferSchema } from '../schemas.js';
import { BODY, json, type Route } from './route.js';

const clusterRoute = (route: Pick<Route, 'method' | 'path' | 'operationId' | 'summary' | 'query' | 'body'>): Route => ({
  query: emptyQuerySchema,
  ...route,
  tag: 'cluster',
  role: route.method === 'GET' ? 'operator' : 'admin',
  responses: [json(200, 'The cluster as it is.', clusterSchema)],
  errors: [
    ...(route.method === 'GET' ? [] : (['membership-refused', ...BODY] as const)),
    'request-invalid',
    'not-ready',
  ],
});

export const clusterRoutes: readonly Route[] = [
  clusterRoute({
    method: 'GET',
    path: '/v1/cluster',
    operationId: 'getCluster',
    summary: 'Leader, term and members, with how far each of them is.',
    query: clusterQuerySchema,
  }),
  clusterRoute({
    method: 'POST',
    path: '/v1/cluster/transfer',
    operationId: 'transferLeadership',
    summary: 'Hand leadership to another member.',
    body: { schema: transferSchema, required: false },
  }),
  clusterRoute({
    method: 'POST',
    path: '/v1/cluster/members',
    operationId: 'addMember',
    summary:
      'Take in a replica, as a learner until it has caught up. One that names this cluster in PEERS comes by itself.',
    body: { schema: addMemberSchema, required: true },
  }),
  clusterRoute({
    method: 'DELETE',
    path: '/v1/cluster/members/{id}',
    operationId: 'removeMember',
    summary: 'Remove a member for good; its id never returns.',
  }),
];
