// Writes the TypeScript types of the client from the schemas of the OpenAPI document. It knows the few words of JSON
// Schema that our documents use, and stops at any other rather than leave it out.

const IGNORED = new Set(
  'type description pattern format minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems propertyNames default'.split(
    ' ',
  ),
);
const KNOWN = new Set([
  ...IGNORED,
  ...'properties required additionalProperties enum const anyOf oneOf items $ref'.split(' '),
]);
const SCALARS = { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', null: 'null' };

/**
 * @param {{ components: { schemas: Record<string, any> } }} document
 * @returns {string} TypeScript, not yet formatted
 */
export function clientTypes(document) {
  const declarations = Object.entries(document.components.schemas).map(
    ([name, schema]) => `${comment(schema)}export type ${name} = ${typeOf(schema)};\n`,
  );
  return `// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.\n\n${declarations.join('\n')}`;
}

function typeOf(schema) {
  const unknown = Object.keys(schema).find((word) => !KNOWN.has(word));
  if (unknown)
    throw new Error(`client-types.mjs does not know "${unknown}" in ${JSON.stringify(schema).slice(0, 200)}`);
  if (schema.$ref) return schema.$ref.split('/').at(-1);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map(typeOf).join(' | ');
  if (schema.enum) return schema.enum.map(literal).join(' | ');
  if ('const' in schema) return literal(schema.const);
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(' | ');
  if (schema.type === 'array') return `readonly (${typeOf(schema.items)})[]`;
  if (schema.type === 'object') return objectType(schema);
  return schema.type === undefined ? 'unknown' : SCALARS[schema.type];
}

function objectType({ properties = {}, required = [], additionalProperties }) {
  const members = Object.entries(properties).map(([name, schema]) => {
    const mark = required.includes(name) ? '' : '?';
    return `${comment(schema)}readonly ${name}${mark}: ${typeOf(schema)};`;
  });
  if (additionalProperties) members.push('readonly [member: string]: unknown;');
  return `{\n${members.join('\n')}\n}`;
}

const literal = (value) => (typeof value === 'string' ? `'${value}'` : JSON.stringify(value));
const comment = ({ description }) => (description ? `/** ${description.replaceAll('*/', '*\\/')} */\n` : '');
