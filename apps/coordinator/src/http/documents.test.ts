import { commandSchema, deadLetterSchema, ERRORS, outcomeEventSchema, replySchema } from '@concordat/protocol';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, startHttp } from '../../test/http-harness.js';
import { asyncApiDocument } from './asyncapi.js';
import { errorsHtml, errorsMarkdown } from './error-docs.js';
import { type JsonSchema, toJsonSchema } from './json-schema.js';
import { openApiDocument } from './openapi.js';
import { ROUTES } from './routes.js';

type Json = Record<string, unknown>;
interface AsyncOperation {
  readonly action: string;
  readonly channel: { readonly $ref: string };
  readonly messages: readonly { readonly $ref: string }[];
}

/** Every `$ref` of a document, anywhere. */
function referencesOf(value: unknown): string[] {
  if (value === null || typeof value !== 'object') return [];
  const own = '$ref' in value && typeof value.$ref === 'string' ? [value.$ref] : [];
  return [...own, ...Object.values(value).flatMap(referencesOf)];
}

function resolve(document: unknown, reference: string): unknown {
  return reference
    .slice('#/'.length)
    .split('/')
    .reduce<unknown>((at, key) => (at as Json | undefined)?.[key], document);
}

describe('/openapi.json', () => {
  let http: HttpHarness;
  let document: JsonSchema;

  beforeAll(async () => {
    http = await startHttp(new FakeCoordinator());
    document = (await http.call('GET', '/openapi.json')).json;
  });
  afterAll(() => http.close());

  it('is the document that the generator writes', () => {
    expect(document).toEqual(JSON.parse(JSON.stringify(openApiDocument('0.1.0'))));
    expect(document.openapi).toBe('3.1.0');
  });

  it('refers to nothing that is not there', () => {
    const references = referencesOf(document);
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) expect([reference, resolve(document, reference)]).not.toContain(undefined);
  });

  it('has only schemas that a validator accepts', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'openapi', ...document });
    const schemas = Object.keys((document.components as { schemas: object }).schemas);
    expect(schemas).toEqual(
      expect.arrayContaining(['Transaction', 'Branch', 'Problem', 'BeginRequest', 'Participant']),
    );
    for (const name of schemas) expect(ajv.getSchema(`openapi#/components/schemas/${name}`)).toBeDefined();
  });

  it('describes exactly the routes that are served', async () => {
    const fastify = http.routes();
    const documented = ROUTES.map(({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`);
    const served = fastify.filter(
      (route) => !route.startsWith('HEAD ') && !/^GET \/(docs\/assets|console)/.test(route),
    );
    expect(served.sort()).toEqual(documented.sort());
  });

  it('says of every stream what its events carry', () => {
    const streams = Object.values(document.paths as Record<string, Json>).flatMap((path) => {
      const get = path.get as { operationId: string; responses: Record<string, { content?: Record<string, Json> }> };
      const stream = get?.responses['200']?.content?.['text/event-stream'];
      return stream ? [[get.operationId, (stream['x-itemSchema'] as Json).properties]] : [];
    });
    const carrying = (event: string, schema: string) => ({
      event: { const: event },
      data: { contentMediaType: 'application/json', contentSchema: { $ref: `#/components/schemas/${schema}` } },
    });
    expect(Object.fromEntries(streams)).toMatchObject({
      watchTransaction: carrying('transaction', 'Transaction'),
      watchLock: carrying('lock', 'Lock'),
      watchOverview: carrying('overview', 'Overview'),
    });
    expect(streams).toHaveLength(3);
  });

  it('documents a problem for every code, and every code is on some route or common to all', () => {
    const text = JSON.stringify(document);
    const beforeAnyRoute = [
      'route-not-found',
      'method-not-allowed',
      'url-too-long',
      'headers-too-large',
      'request-timeout',
    ];
    const outside = [...beforeAnyRoute, 'snapshot-too-old']; // participants answer this one at their own paths
    for (const code of Object.keys(ERRORS).filter((one) => !outside.includes(one))) {
      expect(text).toContain(`\`${code}\``);
    }
  });
});

describe('/asyncapi.json', () => {
  const document = JSON.parse(JSON.stringify(asyncApiDocument('0.1.0')));

  it('has the structure of AsyncAPI 3', () => {
    expect(document).toMatchObject({
      asyncapi: '3.0.0',
      info: { title: expect.any(String), version: '0.1.0' },
      channels: {
        commands: { address: 'concordat.commands.{participant}', parameters: { participant: {} } },
        replies: { address: 'concordat.replies' },
        events: { address: 'concordat.events' },
        participantDeadLetters: { address: 'concordat.dead-letters.{participant}' },
        coordinatorDeadLetters: { address: 'concordat.dead-letters._coordinator' },
      },
    });
    for (const { action, channel, messages } of Object.values<AsyncOperation>(document.operations)) {
      expect(['send', 'receive']).toContain(action);
      expect(resolve(document, channel.$ref)).toMatchObject({ address: expect.any(String) });
      for (const { $ref } of messages) expect($ref.startsWith(`${channel.$ref}/messages/`)).toBe(true);
    }
    for (const reference of referencesOf(document)) expect(resolve(document, reference)).toBeDefined();
  });

  it('describes each message by the very schema that decodes it', () => {
    const schemas = [...commandSchema.options, ...replySchema.options, outcomeEventSchema, deadLetterSchema];
    const expected = schemas.map((schema) => {
      const { $schema: _, ...payload } = toJsonSchema(schema, 'draft-07');
      return JSON.parse(JSON.stringify(payload));
    });
    const payloads = Object.values<Json>(document.components.messages).map(({ payload }) => payload);
    expect(payloads).toEqual(expected);
  });

  it('accepts a real message and refuses a broken one', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const validate = ajv.compile(document.components.messages.commit.payload);
    const commit = { v: 1, type: 'commit', transactionId: 'a-1-1', participant: 'x', horizon: 'a-1-1', csn: 5 };
    expect(commandSchema.safeParse(commit).success).toBe(true);
    expect(validate(commit)).toBe(true);
    expect(validate({ ...commit, csn: 0 })).toBe(false);
    expect(validate({ ...commit, v: 2 })).toBe(false);
  });
});

describe('docs/errors.md', () => {
  it('lists every code with a place to link to', () => {
    const page = errorsMarkdown();
    for (const code of Object.keys(ERRORS)) expect(page).toContain(`<a id="${code}"></a>\`${code}\``);
  });

  it('is a page too, in which the `type` of a problem leads to its code', () => {
    const page = errorsHtml();
    for (const code of Object.keys(ERRORS)) expect(page).toContain(`<h2 id="${code}">${code}</h2>`);
  });
});
