// Writes the TypeScript types of the client from the schemas of the OpenAPI document. It knows the few words of JSON
// Schema that our documents use, and stops at any other rather than leave it out.

import { isDeepStrictEqual } from 'node:util';

/** Types that share fewer members do so by chance. */
const MEMBERS_SHARED_MIN = 5;
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

const HEAD = '// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.\n\n';
/** What more than one area of the API speaks of. */
const SEVERAL_AREAS = 'everywhere';

/**
 * One file for each area of the API, which is the tag of its operations. What an area's types refer to is its own, or of
 * several areas: so files never import each other in a circle.
 * @param {{ paths: Record<string, Record<string, any>>, components: { schemas: Record<string, any> } }} document
 * @returns {Record<string, string>} TypeScript, not yet formatted, by the name of its file; `api` has all of them
 */
export function clientTypes({ paths, components: { schemas } }) {
  const areaOf = areasOf(paths, schemas);
  const areas = groupedBy(Object.keys(schemas), areaOf);
  const files = Object.entries(areas).map(([area, names]) => [area, fileOf(names, schemas, areaOf)]);
  const all = Object.keys(areas).map((area) => `export * from './${area}.js';\n`);
  return { ...Object.fromEntries(files), api: `${HEAD}${all.sort().join('')}` };
}

function fileOf(names, schemas, areaOf) {
  const imported = new Set(
    names.flatMap((name) => referencesIn(schemas[name])).filter((name) => !names.includes(name)),
  );
  const byArea = Object.entries(groupedBy([...imported].sort(), areaOf)).sort();
  const imports = byArea.map(([area, from]) => `import type { ${from.join(', ')} } from './${area}.js';\n`);
  const declarations = names.map((name) => {
    const [base, schema] = basedOn(name, names, schemas);
    return `${comment(schema)}export type ${name} = ${base ? `${base} & ` : ''}${typeOf(schema)};\n`;
  });
  return `${HEAD}${imports.join('')}\n${declarations.join('\n')}`;
}

/** @returns the type of the same file that a type repeats as a whole, and what it has besides */
function basedOn(name, names, schemas) {
  const { properties = {}, required = [] } = schemas[name];
  const base = names.find((other) => {
    const members = Object.entries(schemas[other].properties ?? {});
    return (
      other !== name &&
      members.length >= MEMBERS_SHARED_MIN &&
      members.every(
        ([member, schema]) =>
          isDeepStrictEqual(properties[member], schema) &&
          required.includes(member) === (schemas[other].required ?? []).includes(member),
      )
    );
  });
  if (!base) return [undefined, schemas[name]];
  const own = Object.entries(properties).filter(([member]) => !(member in schemas[base].properties));
  return [base, { ...schemas[name], properties: Object.fromEntries(own) }];
}

/** @returns {(name: string) => string} the area that a schema belongs to */
function areasOf(paths, schemas) {
  const tags = new Map(Object.keys(schemas).map((name) => [name, new Set()]));
  for (const operation of Object.values(paths).flatMap(Object.values)) {
    const [tag] = operation.tags;
    const visit = (name) => {
      if (tags.get(name).has(tag)) return;
      tags.get(name).add(tag);
      referencesIn(schemas[name]).forEach(visit);
    };
    referencesIn(operation).forEach(visit);
  }
  return (name) => (tags.get(name).size === 1 ? [...tags.get(name)][0] : SEVERAL_AREAS);
}

const REFERENCE = /"\$ref":"#\/components\/schemas\/(\w+)"/g;
const referencesIn = (schema) => [...JSON.stringify(schema).matchAll(REFERENCE)].map(([, name]) => name);

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

/** As Object.groupBy, which Node 20 lacks. */
function groupedBy(names, keyOf) {
  const groups = {};
  for (const name of names) {
    const key = keyOf(name);
    groups[key] = [...(groups[key] ?? []), name];
  }
  return groups;
}

const literal = (value) => (typeof value === 'string' ? `'${value}'` : JSON.stringify(value));
const comment = ({ description }) => (description ? `/** ${description.replaceAll('*/', '*\\/')} */\n` : '');
