import type { ErrorCode } from '@concordat/protocol';
import { healthSchema } from '../schemas.js';
import { JSON_TYPE, json, type Route, text } from './route.js';

const health = (path: string, operationId: string, summary: string, errors: readonly ErrorCode[]): Route => ({
  method: 'GET',
  path,
  operationId,
  tag: 'operations',
  role: 'public',
  summary,
  responses: [json(200, 'Yes.', healthSchema)],
  errors,
});

const document = (path: string, operationId: string, summary: string, mediaType = JSON_TYPE): Route => ({
  method: 'GET',
  path,
  operationId,
  tag: 'documents',
  role: 'public', // they say nothing of this installation
  summary,
  responses: [text(summary, mediaType)],
  errors: [],
});

export const operationRoutes: readonly Route[] = [
  health('/health/live', 'isLive', 'Whether the process makes progress.', ['not-ready']),
  health('/health/ready', 'isReady', 'Whether it can take work now.', ['not-ready']),
  health('/health/startup', 'isStarted', 'Whether it has recovered its state.', ['not-ready']),
  {
    ...document('/metrics', 'getMetrics', 'Metrics in the text format of Prometheus.', 'text/plain'),
    tag: 'operations',
    role: 'monitor',
  },
  document('/openapi.json', 'getOpenApi', 'This document.'),
  document('/asyncapi.json', 'getAsyncApi', 'The messages on Kafka, as AsyncAPI 3.'),
  document('/docs', 'getDocs', 'This document for people.', 'text/html'),
  document('/docs/kafka', 'getKafkaDocs', 'The messages on Kafka for people.', 'text/html'),
  document('/docs/errors', 'getErrorDocs', 'The error codes for people.', 'text/html'),
];
