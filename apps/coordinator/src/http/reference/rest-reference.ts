/** The OpenAPI document for readers of the repository. */
import type { JsonSchema } from '../json-schema.js';
import {
  anchorOf,
  type Block,
  heading,
  jsonCode,
  shellCode,
  table,
  text,
  toMarkdown,
  toReadableJson,
} from './blocks.js';
import { FIELD_HEAD, fieldRows, typeOf } from './fields.js';

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description?: string;
  readonly schema: JsonSchema;
  readonly example?: string;
}

interface Content {
  readonly schema: JsonSchema;
  /** Of a stream: one event, with its data. */
  readonly 'x-itemSchema'?: { readonly properties: { readonly data: { readonly contentSchema: JsonSchema } } };
  readonly example?: unknown;
}

interface Response {
  readonly description: string;
  readonly content?: Readonly<Record<string, Content>>;
}

interface Operation {
  readonly tags: readonly [string];
  readonly summary: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, Response>>;
}

interface Document {
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const BASE = 'http://127.0.0.1:8080';
const JSON_TYPE = 'application/json';
const FIRST_ERROR_STATUS = 400;
/** Any call may be answered with them. */
const COMMON_CODES = ['request-invalid', 'unauthenticated', 'forbidden', 'internal', 'identity-unavailable'] as const;

export function restMarkdown(document: JsonSchema): string {
  const { tags, paths, components } = document as unknown as Document;
  const calls = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const common = COMMON_CODES.map(linkToCode).join(', ');
  return toMarkdown([
    heading(1, 'REST'),
    text(
      'This page is made of the OpenAPI document by `scripts/generate.mjs`; a running coordinator shows it at `/docs`, where calls can ' +
        'be tried, and serves the document itself at `/openapi.json`. Any replica takes any call.',
    ),
    text(
      'Bodies are JSON. Unknown fields and unknown query parameters are refused. Errors are problem documents (RFC 9457) with a stable ' +
        `\`code\`, all of them in [errors.md](errors.md). Any call may be answered with ${common}; what else it may is listed with it. ` +
        'Who may make which call is in [security.md](security.md#roles).',
    ),
    ...table(
      ['call', ''],
      calls.map((call) => [`[\`${titleOf(call)}\`](#${anchorOf(titleOf(call))})`, call.operation.summary]),
    ),
    ...tags.flatMap(({ name, description }) => [
      heading(2, name.charAt(0).toUpperCase() + name.slice(1)),
      ...(description ? [text(description)] : []),
      ...calls
        .filter(({ operation }) => operation.tags[0] === name)
        .flatMap((call) => callBlocks(call, components.schemas)),
    ]),
    heading(2, 'Objects'),
    text('What answers are made of.'),
    ...answered(calls, components.schemas).flatMap(([name, schema]) => [
      heading(3, name),
      ...table(FIELD_HEAD, fieldRows(schema)),
    ]),
  ]);
}

const titleOf = ({ method, path }: Call): string => `${method} ${path}`;
const linkToCode = (code: string): string => `[\`${code}\`](errors.md#${code})`;

function callBlocks(call: Call, schemas: Readonly<Record<string, JsonSchema>>): Block[] {
  const { summary, parameters = [], requestBody } = call.operation;
  const body = requestBody?.content[JSON_TYPE];
  return [
    heading(3, titleOf(call)),
    text(`${summary} ${accessOf(call.operation)}`),
    ...table(
      ['parameter', 'in', 'type', 'meaning'],
      parameters.map((one) => [`\`${one.name}\``, one.in, typeOf(one.schema), one.description ?? '']),
    ),
    ...(body && requestBody
      ? [
          text(requestBody.required ? 'The body:' : 'The body, which may be left out:'),
          ...table(FIELD_HEAD, fieldRows(resolve(body.schema, schemas))),
        ]
      : []),
    ...table(['answer', 'type', 'meaning'], answerRows(call.operation)),
    shellCode(curl(call)),
    ...exampleAnswer(call.operation),
  ];
}

function accessOf({ security }: Operation): string {
  const role = security[0]?.bearer?.[0];
  if (security.length === 0) return 'Asks for no credentials.';
  return role ? `Role: \`${role}\`.` : 'Asks for credentials, of any role.';
}

function answerRows({ responses }: Operation): string[][] {
  return Object.entries(responses).flatMap(([status, { description, content = {} }]) => {
    if (Number(status) < FIRST_ERROR_STATUS) return [[status, answerType(content), description]];
    const codes = [...description.matchAll(/`([a-z-]+)`: /g)].map(([, code = '']) => code);
    const own = codes.filter((code) => !(COMMON_CODES as readonly string[]).includes(code));
    return own.length === 0 ? [] : [[status, '[Problem](#problem)', own.map(linkToCode).join(', ')]];
  });
}

function answerType(content: Readonly<Record<string, Content>>): string {
  const [mediaType, body] = Object.entries(content)[0] ?? [];
  if (mediaType === undefined || body === undefined) return 'none';
  if (mediaType === JSON_TYPE) return typeOf(body.schema);
  const item = body['x-itemSchema']?.properties.data.contentSchema;
  return item ? `\`${mediaType}\` of ${typeOf(item)}` : `\`${mediaType}\``;
}

function curl({ method, path, operation: { parameters = [], requestBody } }: Call): string {
  const given = parameters.filter(({ example }) => example !== undefined);
  const query = given.filter((one) => one.in === 'query').map(({ name, example }) => `${name}=${example}`);
  const url = given
    .filter((one) => one.in === 'path')
    .reduce((at, { name, example }) => at.replace(`{${name}}`, example ?? ''), BASE + path);
  const headers = given.filter((one) => one.in === 'header').map(({ name, example }) => ` -H '${name}: ${example}'`);
  const target = query.length > 0 ? `'${url}?${query.join('&')}'` : url;
  const verb = method === 'GET' ? '' : `-X ${method} `;
  const body = requestBody?.content[JSON_TYPE]?.example;
  if (body === undefined) return `curl -s ${verb}${target}${headers.join('')}`;
  return `curl -s ${target}${headers.join('')} -H 'content-type: ${JSON_TYPE}' -d '${toReadableJson(body)}'`;
}

function exampleAnswer({ responses }: Operation): Block[] {
  const examples = Object.values(responses).flatMap(({ content = {} }) => Object.values(content));
  const [first] = examples.flatMap(({ example }) => (example === undefined ? [] : [example]));
  if (first === undefined) return [];
  return [typeof first === 'string' ? { kind: 'code', language: 'text', text: first.trimEnd() } : jsonCode(first)];
}

function resolve(schema: JsonSchema, schemas: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const name = typeof schema.$ref === 'string' ? schema.$ref.split('/').at(-1) : undefined;
  return (name === undefined ? undefined : schemas[name]) ?? schema;
}

/** Named schemas that an answer leads to, by name; those of bodies stand with their calls, unless they refer to others. */
function answered(calls: readonly Call[], schemas: Readonly<Record<string, JsonSchema>>): [string, JsonSchema][] {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    for (const [, name = ''] of JSON.stringify(value).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
      if (found.has(name)) continue;
      found.add(name);
      visit(schemas[name]);
    }
  };
  for (const { operation } of calls) {
    visit(operation.responses);
    const body = operation.requestBody?.content[JSON_TYPE]?.schema;
    if (body) visit(resolve(body, schemas));
  }
  return Object.entries(schemas).filter(([name]) => found.has(name));
}
