/** JSON Schema as rows of a table: one for each field, nested ones by their path. */
import type { JsonSchema } from '../json-schema.js';
import { anchorOf } from './blocks.js';

export const FIELD_HEAD = ['field', 'type', 'meaning'] as const;

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/**
 * @param schema of an object; nested objects without a name of their own are listed with it
 * @param prefix path of the object, with its dot
 */
export function fieldRows(schema: JsonSchema, prefix = ''): string[][] {
  const { properties = {}, required = [] } = schema as ObjectSchema;
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = prefix + name;
    const optional = required.includes(name) ? '' : 'optional';
    const meaning = [optional, String(field.description ?? '')].filter(Boolean).join('. ');
    const row = [`\`${path}\``, typeOf(field), meaning];
    return [row, ...nested(field, path)];
  });
}

function nested(field: JsonSchema, path: string): string[][] {
  const choices = (field.anyOf ?? field.oneOf) as JsonSchema[] | undefined;
  if (choices) return distinct(choices.flatMap((choice) => nested(choice, path)));
  if (field.type === 'array') return nested(field.items as JsonSchema, `${path}[]`);
  return field.properties ? fieldRows(field, `${path}.`) : [];
}

/** Alternatives often share fields. */
function distinct(rows: string[][]): string[][] {
  const byText = new Map(rows.map((row) => [row.join('|'), row]));
  return [...byText.values()];
}

/** In words; a named schema is a link to its heading on the same page. */
export function typeOf(schema: JsonSchema): string {
  if (typeof schema.$ref === 'string') {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return `[${name}](#${anchorOf(name)})`;
  }
  if ('const' in schema) return literal(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map(literal).join(', ');
  const choices = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined;
  if (choices) return [...new Set(choices.map(typeOf))].join(' or ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(' or ');
  switch (schema.type) {
    case 'array':
      return `list of ${typeOf(schema.items as JsonSchema)}${bounds('items', undefined, schema.maxItems)}`;
    case 'string':
      if (schema.format === 'date-time') return 'time, ISO 8601';
      return `text${bounds('characters', schema.minLength, schema.maxLength)}`;
    case 'integer':
      return `integer${bounds('', lowest(schema), schema.maximum)}`;
    case undefined:
      return 'any JSON';
    default:
      return String(schema.type);
  }
}

const literal = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

const lowest = ({ minimum, exclusiveMinimum }: JsonSchema): unknown =>
  typeof exclusiveMinimum === 'number' ? exclusiveMinimum + 1 : minimum;

/** Bounds of what a number can hold, and of none, say nothing. */
const tells = (bound: unknown): bound is number =>
  typeof bound === 'number' && Math.abs(bound) < Number.MAX_SAFE_INTEGER;

function bounds(unit: string, from: unknown, to: unknown): string {
  const least = tells(from) && from > 0 ? from.toLocaleString('en') : undefined;
  const most = tells(to) ? to.toLocaleString('en') : undefined;
  const words = least && most ? `${least} to ${most}` : most ? `at most ${most}` : least ? `from ${least}` : '';
  return words === '' ? '' : `, ${words}${unit === '' ? '' : ` ${unit}`}`;
}
