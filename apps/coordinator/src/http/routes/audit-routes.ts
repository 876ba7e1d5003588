import { auditListSchema, auditQuerySchema, auditRequestSchema, auditSchema } from '../audits-schemas.js';
import { emptyQuerySchema } from '../schemas.js';
import { BODY, json, type Route, text } from './route.js';

const auditRoute = (
  route: Pick<Route, 'method' | 'path' | 'operationId' | 'summary' | 'responses' | 'errors'> & Partial<Route>,
): Route => ({
  tag: 'audits',
  role: 'operator',
  query: emptyQuerySchema,
  ...route,
  errors: [...route.errors, 'request-invalid', 'not-ready', 'stopping'],
});

export const auditRoutes: readonly Route[] = [
  auditRoute({
    method: 'POST',
    path: '/v1/audits',
    operationId: 'startAudit',
    summary:
      'Audit what Kafka holds of all transactions, independently of what the coordinator remembers. The replica that is ' +
      'asked makes it, one at a time.',
    body: { schema: auditRequestSchema, required: false },
    responses: [{ ...json(202, 'It is running.', auditSchema), headers: { Location: 'Path of the audit.' } }],
    errors: [...BODY, 'audit-running'],
  }),
  auditRoute({
    method: 'GET',
    path: '/v1/audits',
    operationId: 'listAudits',
    summary: 'The audits that the replicas keep, newest first.',
    responses: [json(200, 'All of them; a replica keeps its last 20.', auditListSchema)],
    errors: [],
  }),
  auditRoute({
    method: 'GET',
    path: '/v1/audits/{id}',
    operationId: 'getAudit',
    summary: 'How far an audit is, and what it has found.',
    query: auditQuerySchema,
    responses: [json(200, 'The audit, with a page of its violations.', auditSchema)],
    errors: ['audit-not-found', 'audit-unavailable', 'cursor-invalid'],
  }),
  auditRoute({
    method: 'GET',
    path: '/v1/audits/{id}/report',
    operationId: 'getAuditReport',
    summary: 'The same as a page for people.',
    responses: [text('The report.', 'text/html')],
    errors: ['audit-not-found', 'audit-unavailable'],
  }),
];
