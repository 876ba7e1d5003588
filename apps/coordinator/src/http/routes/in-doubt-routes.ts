import {
  actionsQuerySchema,
  inDoubtQuerySchema,
  inDoubtSchema,
  operatorActionsSchema,
  resolveSchema,
} from '../in-doubt-schemas.js';
import { emptyQuerySchema, transactionSchema } from '../schemas.js';
import { BODY, json, ONE_TRANSACTION, type Route } from './route.js';

export const inDoubtRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/in-doubt',
    operationId: 'listInDoubt',
    tag: 'operations',
    role: 'operator',
    summary: 'What is in doubt, with age and cause: hazards first, then the oldest. Answered by the leader.',
    query: inDoubtQuerySchema,
    responses: [json(200, 'What is in doubt.', inDoubtSchema)],
    errors: ['request-invalid', 'not-ready'],
  },
  {
    method: 'POST',
    path: '/v1/transactions/{id}/resolve',
    operationId: 'resolveTransaction',
    tag: 'operations',
    role: 'operator',
    summary:
      'End what is in doubt: abort what is undecided, wait no longer for participants that are down, acknowledge a hazard. ' +
      'What is decided stays, and nobody commits without every vote. Repeated, it answers the same.',
    query: emptyQuerySchema,
    body: { schema: resolveSchema, required: true },
    responses: [json(200, 'The transaction as it is now.', transactionSchema)],
    errors: [...BODY, ...ONE_TRANSACTION, 'resolve-refused', 'outcome-unknown', 'postgres-unavailable', 'not-ready'],
  },
  {
    method: 'GET',
    path: '/v1/operator-actions',
    operationId: 'listOperatorActions',
    tag: 'operations',
    role: 'operator',
    summary: 'The audit trail of what operators did, newest first; the newest 10,000 are kept.',
    query: actionsQuerySchema,
    responses: [json(200, 'One page.', operatorActionsSchema)],
    errors: ['request-invalid', 'cursor-invalid', 'postgres-unavailable', 'not-ready'],
  },
];
