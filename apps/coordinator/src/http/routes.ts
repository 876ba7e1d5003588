/** Everything that is served, in one table: /openapi.json, the Allow header and the route labels of metrics come from it. */
import type { ErrorCode } from '@concordat/protocol';
import type { z } from 'zod';
import {
  addMemberSchema,
  beginRequestSchema,
  branchRequestSchema,
  branchSchema,
  clusterQuerySchema,
  clusterSchema,
  emptyQuerySchema,
  endRequestSchema,
  enlistQuerySchema,
  healthSchema,
  listQuerySchema,
  participantListSchema,
  participantSchema,
  snapshotRequestSchema,
  snapshotSchema,
  statusesRequestSchema,
  statusesSchema,
  transactionListSchema,
  transactionQuerySchema,
  transactionSchema,
  transferSchema,
} from './schemas.js';

export interface RouteResponse {
  readonly status: number;
  readonly description: string;
  /** Left out where there is no body. */
  readonly mediaType?: string;
  readonly schema?: z.ZodType;
  /** Headers by name, with what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: 'transactions' | 'snapshots' | 'participants' | 'cluster' | 'operations' | 'documents';
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: { readonly schema: z.ZodType; readonly required: boolean };
  readonly idempotencyKey?: boolean;
  /** Whether it waits for what `X-Concordat-Min-Csn` asks for. */
  readonly minCsn?: boolean;
  readonly responses: readonly RouteResponse[];
  /** Codes that this route may answer with, beyond those any route may. */
  readonly errors: readonly ErrorCode[];
}

const JSON_TYPE = 'application/json';
const json = (status: number, description: string, schema: z.ZodType): RouteResponse => ({
  status,
  description,
  mediaType: JSON_TYPE,
  schema,
});
const text = (description: string, mediaType: string): RouteResponse => ({ status: 200, description, mediaType });

/** A write may meet any of these. */
const UNAVAILABLE: readonly ErrorCode[] = [
  'overloaded',
  'kafka-unavailable',
  'postgres-unavailable',
  'persistence-backlog-full',
  'not-ready',
  'stopping',
];
const BODY: readonly ErrorCode[] = ['request-invalid', 'body-too-large', 'unsupported-media-type'];
const KEY: readonly ErrorCode[] = ['idempotency-key-invalid', 'idempotency-key-reused'];
const BRANCHES: readonly ErrorCode[] = [
  'participant-unknown',
  'operation-unknown',
  'input-invalid',
  'isolation-mismatch',
  'too-many-branches',
];
const ONE_TRANSACTION: readonly ErrorCode[] = ['transaction-not-found', 'transaction-gone'];
const READ_UNAVAILABLE: readonly ErrorCode[] = [
  'snapshot-unavailable',
  'postgres-unavailable',
  'not-ready',
  'overloaded',
  'stopping',
];

const transactionRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/transactions',
    operationId: 'beginTransaction',
    tag: 'transactions',
    summary: 'Begin a transaction; with `commit: true` begin, enlist and commit in one call.',
    query: emptyQuerySchema,
    body: { schema: beginRequestSchema, required: true },
    idempotencyKey: true,
    minCsn: true,
    responses: [
      json(200, 'One-shot: the transaction is decided.', transactionSchema),
      {
        ...json(201, 'The transaction has begun.', transactionSchema),
        headers: { Location: 'Path of the transaction.' },
      },
    ],
    errors: [
      ...BODY,
      ...KEY,
      ...BRANCHES,
      'transaction-aborted',
      'transaction-empty',
      ...ONE_TRANSACTION,
      'transaction-not-active',
      ...UNAVAILABLE,
      'snapshot-unavailable',
      'outcome-unknown',
    ],
  },
  {
    method: 'GET',
    path: '/v1/transactions',
    operationId: 'listTransactions',
    tag: 'transactions',
    summary: 'List transactions, newest first.',
    query: listQuerySchema,
    minCsn: true,
    responses: [json(200, 'One page.', transactionListSchema)],
    errors: ['request-invalid', 'cursor-invalid', ...READ_UNAVAILABLE],
  },
  {
    method: 'GET',
    path: '/v1/transactions/{id}',
    operationId: 'getTransaction',
    tag: 'transactions',
    summary: 'Read a transaction; with `wait` answer when it has come that far, at most 30 s later.',
    query: transactionQuerySchema,
    minCsn: true,
    responses: [json(200, 'The transaction as it is.', transactionSchema)],
    errors: ['request-invalid', ...ONE_TRANSACTION, ...READ_UNAVAILABLE],
  },
  {
    method: 'POST',
    path: '/v1/transactions/{id}/branches',
    operationId: 'enlistBranch',
    tag: 'transactions',
    summary:
      'Enlist one operation at one participant; with `execute=now` run it at once. Operations that run at once run before ' +
      'those that are only enlisted, which run when the transaction is committed.',
    query: enlistQuerySchema,
    body: { schema: branchRequestSchema, required: true },
    responses: [json(201, 'The branch is enlisted, with its result if it was run at once.', branchSchema)],
    errors: [
      ...BODY,
      ...BRANCHES,
      ...ONE_TRANSACTION,
      'transaction-aborted',
      'transaction-committed',
      'transaction-not-active',
      ...UNAVAILABLE,
      'outcome-unknown',
    ],
  },
  {
    method: 'POST',
    path: '/v1/transactions/{id}/commit',
    operationId: 'commitTransaction',
    tag: 'transactions',
    summary: 'Commit: all branches or none.',
    query: emptyQuerySchema,
    body: { schema: endRequestSchema, required: false },
    idempotencyKey: true,
    responses: [json(200, 'The transaction is committed.', transactionSchema)],
    errors: [
      ...BODY,
      ...KEY,
      ...ONE_TRANSACTION,
      'transaction-aborted',
      'transaction-empty',
      'transaction-not-active',
      'operation-running',
      ...UNAVAILABLE,
      'outcome-unknown',
    ],
  },
  {
    method: 'POST',
    path: '/v1/transactions/{id}/rollback',
    operationId: 'rollbackTransaction',
    tag: 'transactions',
    summary: 'Roll back: no branch takes effect.',
    query: emptyQuerySchema,
    body: { schema: endRequestSchema, required: false },
    idempotencyKey: true,
    responses: [json(200, 'The transaction is aborted.', transactionSchema)],
    errors: [
      ...BODY,
      ...KEY,
      ...ONE_TRANSACTION,
      'transaction-committed',
      'transaction-not-active',
      ...UNAVAILABLE,
      'outcome-unknown',
    ],
  },
  {
    method: 'GET',
    path: '/v1/transactions/{id}/events',
    operationId: 'watchTransaction',
    tag: 'transactions',
    summary: 'Server-sent events: the transaction as it is, then at every change, until it is completed.',
    query: emptyQuerySchema,
    minCsn: true,
    responses: [text('Events named `transaction`, each with a Transaction as its data.', 'text/event-stream')],
    errors: ['request-invalid', ...ONE_TRANSACTION, ...READ_UNAVAILABLE],
  },
];

const snapshotRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/snapshots',
    operationId: 'leaseSnapshot',
    tag: 'snapshots',
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
    summary:
      'For participants: what became of transactions, from the memory of the replica that is asked. `unknown` is no abort; ' +
      '`undecided`: a commit will have a number above `appliedCsn`.',
    query: emptyQuerySchema,
    body: { schema: statusesRequestSchema, required: true },
    responses: [json(200, 'One answer for each, in order.', statusesSchema)],
    errors: [...BODY, 'snapshot-unavailable', 'not-ready'],
  },
];

const clusterRoute = (route: Pick<Route, 'method' | 'path' | 'operationId' | 'summary' | 'query' | 'body'>): Route => ({
  query: emptyQuerySchema,
  ...route,
  tag: 'cluster',
  responses: [json(200, 'The cluster as it is.', clusterSchema)],
  errors: [
    ...(route.method === 'GET' ? [] : (['membership-refused', ...BODY] as const)),
    'request-invalid',
    'not-ready',
  ],
});

const clusterRoutes: readonly Route[] = [
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

const participantRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/participants',
    operationId: 'listParticipants',
    tag: 'participants',
    summary: 'List the participants that have announced themselves.',
    query: emptyQuerySchema,
    responses: [json(200, 'All participants.', participantListSchema)],
    errors: ['request-invalid', 'not-ready'],
  },
  {
    method: 'GET',
    path: '/v1/participants/{name}',
    operationId: 'getParticipant',
    tag: 'participants',
    summary: 'Read a participant: health, lag, branches in doubt, operations.',
    query: emptyQuerySchema,
    responses: [json(200, 'The participant.', participantSchema)],
    errors: ['request-invalid', 'participant-not-found', 'not-ready'],
  },
];

const health = (path: string, operationId: string, summary: string, errors: readonly ErrorCode[]): Route => ({
  method: 'GET',
  path,
  operationId,
  tag: 'operations',
  summary,
  responses: [json(200, 'Yes.', healthSchema)],
  errors,
});

const document = (path: string, operationId: string, summary: string, mediaType = JSON_TYPE): Route => ({
  method: 'GET',
  path,
  operationId,
  tag: 'documents',
  summary,
  responses: [text(summary, mediaType)],
  errors: [],
});

export const ROUTES: readonly Route[] = [
  ...transactionRoutes,
  ...snapshotRoutes,
  ...participantRoutes,
  ...clusterRoutes,
  health('/health/live', 'isLive', 'Whether the process makes progress.', ['not-ready']),
  health('/health/ready', 'isReady', 'Whether it can take work now.', ['not-ready']),
  health('/health/startup', 'isStarted', 'Whether it has recovered its state.', ['not-ready']),
  {
    ...document('/metrics', 'getMetrics', 'Metrics in the text format of Prometheus.', 'text/plain'),
    tag: 'operations',
  },
  document('/openapi.json', 'getOpenApi', 'This document.'),
  document('/asyncapi.json', 'getAsyncApi', 'The messages on Kafka, as AsyncAPI 3.'),
  document('/docs', 'getDocs', 'This document for people.', 'text/html'),
  document('/docs/errors', 'getErrorDocs', 'The error codes for people.', 'text/html'),
];

const patterns = ROUTES.map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll(/\{[a-z]+\}/g, '[^/]+').replaceAll('.', '\\.')}$`),
}));

/** Methods that a concrete path answers to, for the Allow header; empty where nothing is served. */
export function methodsOfPath(path: string): string[] {
  const methods = patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method as string);
  if (methods.length === 0) return [];
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'];
}
