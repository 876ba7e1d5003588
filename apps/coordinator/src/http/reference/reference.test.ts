import { commandSchema, deadLetterSchema, outcomeEventSchema, replySchema } from '@concordat/protocol';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { asyncApiDocument } from '../asyncapi.js';
import { openApiDocument } from '../openapi.js';
import { ROUTES } from '../routes.js';
import { anchorOf, text, toHtml, toMarkdown } from './blocks.js';
import { fieldRows, typeOf } from './fields.js';
import { kafkaHtml, kafkaMarkdown } from './kafka-reference.js';
import { REST_EXAMPLES } from './rest-examples.js';
import { restMarkdown } from './rest-reference.js';
import { WIRE_EXAMPLES } from './wire-examples.js';

type Paths = Record<string, Record<string, { parameters?: { name: string; in: string; schema: object }[] }>>;

const kafka = asyncApiDocument('0.1.0');
const rest = openApiDocument('0.1.0');
const targetsIn = (page: string) => [...page.matchAll(/\]\(#([^)]*)\)/g)].map(([, target]) => target);
const headingsIn = (page: string) => [...page.matchAll(/^#{1,3} (.*)$/gm)].map(([, words = '']) => words);

describe('the examples', () => {
  it.each(ROUTES)('of $operationId are what its schemas accept', ({ operationId, query, body, responses }) => {
    const { parameters = {}, request, answer } = REST_EXAMPLES[operationId] ?? {};
    const first = responses[0]?.schema;
    if (body?.required) expect(request).toBeDefined();
    if (request !== undefined) body?.schema.parse(request);
    if (first) first.parse(answer);
    const names = Object.keys(query?.shape ?? {});
    query?.parse(Object.fromEntries(Object.entries(parameters).filter(([name]) => names.includes(name))));
  });

  it('are of routes that there are, and name every parameter of their paths', () => {
    expect(Object.keys(REST_EXAMPLES).filter((id) => !ROUTES.some(({ operationId }) => operationId === id))).toEqual(
      [],
    );
    const ajv = new Ajv2020({ strict: false, coerceTypes: true });
    for (const { operationId, path, method } of ROUTES) {
      const { parameters = [] } = (rest.paths as Paths)[path]?.[method.toLowerCase()] ?? {};
      for (const { name, schema, in: place } of parameters.filter((one) => one.in === 'path')) {
        const value = REST_EXAMPLES[operationId]?.parameters?.[name];
        const isValid = ajv.validate({ type: 'object', properties: { value: schema }, required: ['value'] }, { value });
        expect([operationId, place, name, value, isValid]).toEqual([
          operationId,
          'path',
          name,
          expect.any(String),
          true,
        ]);
      }
    }
  });

  it('of messages are what their readers accept', () => {
    const { outcome, deadLetter, ...others } = WIRE_EXAMPLES;
    const either = z.union([commandSchema, replySchema]);
    for (const [name, message] of Object.entries(others)) expect(either.parse(message).type).toBe(name);
    outcomeEventSchema.parse(outcome);
    deadLetterSchema.parse(deadLetter);
  });
});

describe('docs/rest.md', () => {
  const page = restMarkdown(rest);

  it('has a heading and a call for each route', () => {
    const headings = headingsIn(page);
    for (const { method, path } of ROUTES) expect(headings).toContain(`${method} ${path}`);
    expect(page.match(/^curl -s /gm)).toHaveLength(ROUTES.length);
    expect(page).not.toMatch(/^curl -s [^'\n]*[{}]/m);
  });

  it('links only to what it has', () => {
    const anchors = headingsIn(page).map(anchorOf);
    expect(targetsIn(page).length).toBeGreaterThan(50);
    expect(targetsIn(page).filter((target) => !anchors.includes(target ?? ''))).toEqual([]);
  });
});

describe('the messages for people', () => {
  const page = kafkaMarkdown(kafka);

  it('have every topic, and every message once, with its fields and an example', () => {
    const headings = headingsIn(page);
    for (const name of Object.keys(WIRE_EXAMPLES)) expect(headings.filter((one) => one === name)).toEqual([name]);
    expect(headings).toEqual(expect.arrayContaining(['concordat.commands.{participant}', 'concordat.replies']));
    expect(page).toContain('| `operations[].branchId` | text | Number of the branch within its transaction. |');
    expect(page.match(/^```json$/gm)).toHaveLength(Object.keys(WIRE_EXAMPLES).length);
    expect(page).toContain('Written by participants. Partitions: 4. Kept for 1 d.');
  });

  it('are the same in HTML, without a script', () => {
    const html = kafkaHtml(kafka);
    for (const words of headingsIn(page)) expect(html).toContain(`id="${anchorOf(words)}"`);
    expect(html).not.toMatch(/<script|javascript:|\son\w+=/i);
  });
});

describe('a page', () => {
  it('shows what looks like markup as what it is', () => {
    expect(toHtml('<b>', [text('1 < 2 & `a<b>` [x](#y"z)')])).toContain(
      '<p>1 &lt; 2 &amp; <code>a&lt;b&gt;</code> <a href="#y&quot;z">x</a></p>',
    );
    expect(toMarkdown([{ kind: 'table', head: ['a'], rows: [['x|y <i> `<b>`']] }])).toBe(
      '| a |\n| --- |\n| x\\|y &lt;i> `<b>` |\n',
    );
  });

  it('says types in words', () => {
    const { properties } = z.toJSONSchema(
      z.object({
        name: z.string().max(5),
        many: z.array(z.int().min(1).max(9)).max(2),
        maybe: z.enum(['a', 'b']).nullable(),
      }),
    ) as { properties: Record<string, Record<string, unknown>> };
    expect(Object.values(properties).map(typeOf)).toEqual([
      'text, at most 5 characters',
      'list of integer, 1 to 9, at most 2 items',
      '`a`, `b` or null',
    ]);
    expect(fieldRows({ properties: { a: { type: 'object', properties: { b: {} }, required: ['b'] } } })).toEqual([
      ['`a`', 'object', 'optional'],
      ['`a.b`', 'any JSON', ''],
    ]);
  });
});
