import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ACCOUNTS, FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, startHttp } from '../../test/http-harness.js';
import { openApiDocument } from './openapi.js';
import type { Route } from './routes/route.js';
import { ROUTES } from './routes.js';
import { problemSchema } from './schemas.js';

const RUNS_PER_ROUTE = 100;

type Responses = Record<string, { readonly content?: Record<string, unknown> }>;
const paths = openApiDocument('0').paths as Record<string, Record<string, { readonly responses: Responses }>>;
/** Documented once in words: they concern paths and methods that the document does not list. */
const UNLISTED_STATUSES = ['404', '405'];

const branch = fc.record(
  {
    participant: fc.oneof(fc.constantFrom(ACCOUNTS.name, 'nobody', 'A', '', '__proto__'), fc.string(), fc.jsonValue()),
    operation: fc.oneof(fc.constant('debit'), fc.string(), fc.jsonValue()),
    input: fc.jsonValue({ maxDepth: 5 }),
  },
  { requiredKeys: [] },
);
const object = fc.record(
  {
    commit: fc.oneof(fc.boolean(), fc.jsonValue()),
    label: fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.jsonValue()),
    timeoutMs: fc.oneof(fc.integer(), fc.double(), fc.jsonValue()),
    isolation: fc.constantFrom('local', 'global', 'none', null),
    serializable: fc.oneof(fc.boolean(), fc.jsonValue()),
    branches: fc.oneof(fc.array(branch, { maxLength: 5 }), fc.jsonValue()),
    wait: fc.constantFrom('decided', 'completed', 'never', 1),
    surprise: fc.jsonValue(),
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  object.map((value) => JSON.stringify(value)),
  branch.map((value) => JSON.stringify(value)),
  fc.json(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'null', '{"__proto__":1}', '{"a":', '\u0000', '[1e999]'),
);
const contentType = fc.oneof(
  { weight: 5, arbitrary: fc.constant('application/json') },
  fc.constantFrom('application/json; charset=utf-8', 'text/plain', 'application/xml', 'x', 'application/json;;;='),
);
const query = fc.oneof(
  fc.constant(''),
  fc.webQueryParameters(),
  fc.constantFrom('limit=5', 'limit=-1', 'status=active', 'cursor=%00', 'wait=decided', 'wait[]=x', 'a&&=&', '%'),
);
const key = fc.option(fc.oneof(fc.uuid(), fc.string({ maxLength: 300 }).filter(isHeaderValue)), { nil: undefined });
const parameter = (known: string) =>
  fc.oneof(fc.constant(known), fc.webSegment(), fc.constantFrom('%00', '..%2f', '%', 'a-1-1', "'", 'x'.repeat(3000)));

function isHeaderValue(text: string): boolean {
  try {
    new Headers().set('x', text);
    return true;
  } catch {
    return false;
  }
}

describe('any request whatever', () => {
  let api: FakeCoordinator;
  let http: HttpHarness;
  let knownId: string;

  beforeAll(async () => {
    api = new FakeCoordinator();
    http = await startHttp(api);
    knownId = (await http.call('POST', '/v1/transactions', {})).json.id as string;
  });
  afterAll(() => http.close());

  const isListed = ({ path }: Route): boolean => !path.endsWith('/events') && !path.startsWith('/docs');

  it.each(ROUTES.filter(isListed).map((route) => [`${route.method} ${route.path}`, route] as const))(
    'gets a documented answer from %s, never a 5xx',
    async (_, { method, path }) => {
      const documented = paths[path]?.[method.toLowerCase()]?.responses as Responses;
      const known = path.includes('{name}') ? ACCOUNTS.name : knownId;
      const request = fc.record({ body, contentType, query, key, parameter: parameter(known) });
      await fc.assert(
        fc.asyncProperty(request, async (sent) => {
          const url = `${path.replace(/\{\w+\}/, sent.parameter || 'x')}${sent.query === '' ? '' : `?${sent.query}`}`;
          const headers: Record<string, string> = method === 'POST' ? { 'content-type': sent.contentType } : {};
          if (sent.key !== undefined) headers['idempotency-key'] = sent.key;
          const response = await http.raw(url, { method, headers, ...(method === 'POST' ? { body: sent.body } : {}) });
          const status = String(response.status);
          expect(response.status).toBeLessThan(500);
          expect([...Object.keys(documented), ...UNLISTED_STATUSES]).toContain(status);
          const mediaType = response.headers.get('content-type')?.split(';')[0] ?? '';
          if (documented[status]) expect(Object.keys(documented[status].content ?? {})).toContain(mediaType);
          if (response.status >= 400) expect(problemSchema.parse(response.json).status).toBe(response.status);
        }),
        { numRuns: RUNS_PER_ROUTE },
      );
    },
  );
});
