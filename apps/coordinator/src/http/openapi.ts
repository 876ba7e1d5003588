import { ERRORS, type ErrorCode, NAME_PATTERN, TRANSACTION_ID_PATTERN } from '@concordat/protocol';
import type { z } from 'zod';
import { AUDIT_ID_PATTERN } from './audits-schemas.js';
import { IDEMPOTENCY_KEY_PATTERN } from './idempotency.js';
import { type JsonSchema, SchemaComponents, toJsonSchema } from './json-schema.js';
import { BODY_BYTES_MAX } from './limits.js';
import { LOCK_NAME_PATTERN, LOCK_SESSION_PATTERN } from './locks-schemas.js';
import { MIN_CSN_PATTERN } from './min-csn.js';
import { REST_EXAMPLES, type RestExample } from './reference/rest-examples.js';
import type { Route, RouteResponse } from './routes/route.js';
import { ROUTES } from './routes.js';
import { problemSchema, SNAPSHOT_ID_PATTERN } from './schemas.js';

/** Codes that any route may answer with. */
const COMMON_ERRORS: readonly ErrorCode[] = ['request-invalid', 'internal'];
/** Codes that a route may answer with which asks who calls. */
const ACCESS_ERRORS: readonly ErrorCode[] = ['unauthenticated', 'forbidden', 'identity-unavailable'];
const BEARER = 'bearer';

/** The OpenAPI 3.1 document, made of the route table and the zod schemas that requests are validated by. */
export function openApiDocument(version: string): JsonSchema {
  const components = new SchemaComponents('#/components/schemas/');
  const problem = components.refer(problemSchema, 'output');
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of ROUTES) {
    const entry = { [route.method.toLowerCase()]: operation(route, components, problem) };
    paths[route.path] = { ...paths[route.path], ...entry };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Concordat coordinator',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'Two-phase commit over Kafka for services with their data in Postgres. Errors are RFC 9457 problems with a ' +
        `stable \`code\`, listed at [/docs/errors](/docs/errors); messages on Kafka at [/docs/kafka](/docs/kafka). Bodies are JSON of at most ${BODY_BYTES_MAX} bytes.`,
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'transactions', description: 'Begin, enlist, commit, roll back, read.' },
      {
        name: 'locks',
        description: 'Leases with fencing tokens: who holds what, in an order that all replicas agree on.',
      },
      { name: 'snapshots', description: 'Prefixes of all commits to read at, and what became of transactions.' },
      { name: 'participants', description: 'Services that take part.' },
      { name: 'cluster', description: 'The replicas of the coordinator.' },
      { name: 'audits', description: 'What Kafka holds of all transactions, judged independently of the coordinator.' },
      { name: 'operations', description: 'What is in doubt, what operators did, probes and metrics.' },
      { name: 'documents', description: 'Descriptions of this service.' },
    ],
    paths,
    components: { schemas: components.all(), securitySchemes: { [BEARER]: bearerScheme } },
  };
}

function operation(route: Route, components: SchemaComponents, problem: JsonSchema): JsonSchema {
  const { role } = route;
  const isPublic = role === 'public';
  const example = REST_EXAMPLES[route.operationId] ?? {};
  const parameters = [
    ...pathParameters(route.path),
    ...(route.query ? queryParameters(route.query) : []),
    ...(route.idempotencyKey ? [idempotencyKeyParameter] : []),
    ...(route.minCsn ? [minCsnParameter] : []),
  ].map((parameter) => withExample(parameter, example.parameters?.[String(parameter.name)]));
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    security: isPublic ? [] : [{ [BEARER]: role === 'known' ? [] : [role] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.body.required,
            content: {
              'application/json': withExample(
                { schema: components.refer(route.body.schema, 'input') },
                example.request,
              ),
            },
          },
        }),
    responses: {
      ...Object.fromEntries(
        route.responses.map((response, at) => [
          response.status,
          success(response, components, at === 0 ? example : {}), // it is of the first
        ]),
      ),
      ...problems([...COMMON_ERRORS, ...(isPublic ? [] : ACCESS_ERRORS), ...route.errors], problem),
    },
  };
}

const withExample = (described: JsonSchema, example: unknown): JsonSchema =>
  example === undefined ? described : { ...described, example };

function success(response: RouteResponse, components: SchemaComponents, example: RestExample): JsonSchema {
  const headers = Object.entries(response.headers ?? {}).map(([name, description]) => [
    name,
    { description, schema: { type: 'string' } },
  ]);
  return {
    description: response.description,
    ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers) }),
    ...(response.mediaType === undefined
      ? {}
      : {
          content: {
            [response.mediaType]: withExample(mediaTypeObject(response, components), exampleOf(response, example)),
          },
        }),
  };
}

/** Of a stream, its first event. */
const exampleOf = ({ event }: RouteResponse, { answer }: RestExample): unknown =>
  event === undefined || answer === undefined ? answer : `event: ${event}\ndata: ${JSON.stringify(answer)}\n\n`;

function mediaTypeObject({ schema, event, mediaType }: RouteResponse, components: SchemaComponents): JsonSchema {
  if (!schema) return { schema: { type: mediaType === 'application/json' ? 'object' : 'string' } };
  const content = components.refer(schema, 'output');
  return event === undefined
    ? { schema: content }
    : { schema: { type: 'string' }, 'x-itemSchema': itemOf(event, content) };
}

/** One event of a stream, as OpenAPI 3.2 says it by `itemSchema`; 3.1 has no word of its own for it. */
const itemOf = (event: string, contentSchema: JsonSchema): JsonSchema => ({
  type: 'object',
  required: ['event', 'data'],
  properties: {
    event: { const: event },
    data: { type: 'string', contentMediaType: 'application/json', contentSchema },
  },
});

/** Statuses that tell when to come back. */
const WITH_RETRY_AFTER: ReadonlySet<number> = new Set([ERRORS['too-many-requests'].status, ERRORS.overloaded.status]);

/** One response per status, which names the codes that come with it. */
function problems(codes: readonly ErrorCode[], problem: JsonSchema): Record<string, JsonSchema> {
  const byStatus = new Map<number, Set<ErrorCode>>();
  for (const code of codes) {
    const { status } = ERRORS[code];
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  const responses = [...byStatus].map(([status, group]) => [
    status,
    {
      description: [...group].map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
      ...(WITH_RETRY_AFTER.has(status) ? { headers: retryAfterHeader } : {}),
      content: { 'application/problem+json': { schema: problem } },
    },
  ]);
  return Object.fromEntries(responses);
}

const bearerScheme = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'API key or JWT',
  description:
    'Each call names the role that it asks for. Not asked where the coordinator has no credentials (loopback only).',
};

const retryAfterHeader = {
  'Retry-After': { description: 'Seconds until a retry makes sense.', schema: { type: 'integer', minimum: 1 } },
};

const idempotencyKeyParameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'The same key with the same request gives the same transaction, for 24 hours unless the operator set another time.',
  schema: { type: 'string', pattern: IDEMPOTENCY_KEY_PATTERN },
};

const minCsnParameter = {
  name: 'X-Concordat-Min-Csn',
  in: 'header',
  required: false,
  description: 'Read your writes: answers once this much is applied at the replica that answers, else 503.',
  schema: { type: 'string', pattern: MIN_CSN_PATTERN },
};

const ofPattern = (pattern: RegExp): JsonSchema => ({ type: 'string', pattern: pattern.source });

/** What a parameter of a path stands for, by the segment before it. */
const PATH_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  transactions: ofPattern(TRANSACTION_ID_PATTERN),
  snapshots: ofPattern(SNAPSHOT_ID_PATTERN),
  locks: ofPattern(LOCK_NAME_PATTERN),
  'lock-sessions': ofPattern(LOCK_SESSION_PATTERN),
  participants: ofPattern(NAME_PATTERN),
  members: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  audits: ofPattern(AUDIT_ID_PATTERN),
};

const pathParameters = (path: string): JsonSchema[] =>
  [...path.matchAll(/([a-z-]+)\/\{([a-z]+)\}/g)].map(([, segment = '', name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: PATH_SCHEMAS[segment],
  }));

function queryParameters(query: z.ZodObject): JsonSchema[] {
  return Object.entries(query.shape).map(([name, schema]) => {
    const { $schema: _, description, ...rest } = toJsonSchema(schema as z.ZodType, 'draft-2020-12', 'output');
    return { name, in: 'query', required: false, ...(description ? { description } : {}), schema: rest };
  });
}
