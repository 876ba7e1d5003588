import {
  emptyQuerySchema,
  snapshotRequestSchema,
  snapshotSchema,
  statusesRequestSchema,
  statusesSchema,
} from '../schemas.js';
import { BODY, json, type Route } from './route.js';

export const snapshotRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/snapshots',
    operationId: 'leaseSnapshot',
    tag: 'snapshots',
    role: 'caller',
    summary: 'Lease a read snapshot: while it is leased, no participant collects a version that it needs.',
    query: emptyQuerySchema,
    body: { schema: snapshotRequestSchema, required: true },
    responses: [
      { ...json(201, 'The snapshot is leased.', snapshotSchema), headers: { Location: 'Path of the lease.' } },
    ],
    errors: [...BODY, 'too-many-snapshots', 'snapshot-unavailable', 'not-ready', 'outcome-unknown'],
  },
  {
    method: 'GET',
    path: '/v1/snapshots/{snapshot}',
    operationId: 'getSnapshot',
    tag: 'snapshots',
    role: 'caller',
    summary: 'Read a lease.',
    query: emptyQuerySchema,
    responses: [json(200, 'The lease.', snapshotSchema)],
    errors: ['request-invalid', 'snapshot-not-found', 'not-ready'],
  },
  {
    method: 'DELETE',
    path: '/v1/snapshots/{snapshot}',
    operationId: 'releaseSnapshot',
    tag: 'snapshots',
    role: 'caller',
    summary: 'Release a leased snapshot. Reads at it may then answer `snapshot-too-old` at participants.',
    query: emptyQuerySchema,
    responses: [{ status: 204, description: 'It is released.' }],
    errors: [...BODY, 'snapshot-not-found', 'snapshot-unavailable', 'not-ready', 'outcome-unknown'],
  },
  {
    method: 'POST',
    path: '/v1/statuses',
    operationId: 'askStatuses',
    tag: 'snapshots',
    role: 'participant',
    summary:
      'For participants: what became of transactions, from the memory of the replica that is asked. `unknown` is no abort; ' +
      '`undecided`: a commit will have a number above `appliedCsn`.',
    query: emptyQuerySchema,
    body: { schema: statusesRequestSchema, required: true },
    responses: [json(200, 'One answer for each, in order.', statusesSchema)],
    errors: [...BODY, 'snapshot-unavailable', 'not-ready'],
  },
];
