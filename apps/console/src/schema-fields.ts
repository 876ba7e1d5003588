/**
 * The fields of a form, made of the JSON Schema that a participant announced for the input of an operation. Owns what is
 * flat: text, numbers, yes or no, one of a list; everything deeper is a field of JSON. What a schema demands beyond that
 * (patterns, formats, conditions) the coordinator checks, and its complaints come back to the fields.
 */
import { skeletonOf } from './schema-skeleton.js';

type Schema = Readonly<Record<string, unknown>>;
type Kind = 'text' | 'whole' | 'number' | 'boolean' | 'choice' | 'json';

/** One member of the input. */
export interface Field {
  readonly name: string;
  readonly kind: Kind;
  readonly required: boolean;
  /** What the schema says of it, and its bounds in words. */
  readonly description: string;
  /** Of a choice, as they are typed. */
  readonly choices: readonly string[];
  readonly schema: Schema;
}

/** What is typed, by the name of the field; left out is the same as empty. */
export type Typed = Readonly<Record<string, string>>;

const DECIMAL = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const MEMBERS_MAX = 50;
/** Words of a schema that a form of fields could not keep. */
const BEYOND_FIELDS = ['anyOf', 'oneOf', 'allOf', 'patternProperties', '$ref', 'if', 'not'];

/** @returns undefined where the input is no plain object: it is then typed as JSON */
export function fieldsOf(schema: unknown): readonly Field[] | undefined {
  if (!isSchema(schema) || (schema.type !== undefined && schema.type !== 'object')) return undefined;
  if (!isSchema(schema.properties) || BEYOND_FIELDS.some((word) => word in schema)) return undefined;
  const members = Object.entries(schema.properties);
  if (members.length > MEMBERS_MAX) return undefined;
  const required = Array.isArray(schema.required) ? (schema.required as unknown[]) : [];
  return members.map(([name, member]) => fieldOf(name, isSchema(member) ? member : {}, required.includes(name)));
}

function fieldOf(name: string, schema: Schema, required: boolean): Field {
  const kind = kindOf(schema);
  const choices = kind === 'boolean' ? ['true', 'false'] : kind === 'choice' ? (schema.enum as string[]) : [];
  const said = typeof schema.description === 'string' ? schema.description : '';
  return {
    name,
    kind,
    required,
    description: [said, boundsOf(schema, kind)].filter(Boolean).join(' '),
    choices,
    schema,
  };
}

function kindOf({ type, enum: choices }: Schema): Kind {
  if (Array.isArray(choices)) return choices.every((choice) => typeof choice === 'string') ? 'choice' : 'json';
  if (type === 'string') return 'text';
  if (type === 'integer') return 'whole';
  if (type === 'number') return 'number';
  return type === 'boolean' ? 'boolean' : 'json';
}

/** In words; the largest number that JSON carries exactly is no bound that anybody chose. */
function boundsOf({ minimum, exclusiveMinimum, maximum, exclusiveMaximum, maxLength }: Schema, kind: Kind): string {
  if (kind === 'text') return isNumber(maxLength) ? `At most ${maxLength} characters.` : '';
  if (kind !== 'whole' && kind !== 'number') return kind === 'json' ? 'As JSON.' : '';
  const parts = [
    isNumber(exclusiveMinimum) && `above ${exclusiveMinimum}`,
    isNumber(minimum) && minimum > Number.MIN_SAFE_INTEGER && `at least ${minimum}`,
    isNumber(exclusiveMaximum) && `below ${exclusiveMaximum}`,
    isNumber(maximum) && maximum < Number.MAX_SAFE_INTEGER && `at most ${maximum}`,
  ];
  const words = [kind === 'whole' ? 'A whole number' : 'A number', ...parts.filter((part) => part !== false)];
  return `${words.join(', ')}.`;
}

/** What stands in the fields at first: defaults, what can only be one thing, and skeletons of what is deep. */
export function firstTyped(fields: readonly Field[]): Typed {
  return Object.fromEntries(
    fields.flatMap(({ name, kind, required, schema, choices }) => {
      if ('default' in schema || 'const' in schema) return [[name, typedOf(schema.default ?? schema.const, kind)]];
      if (kind === 'json') return required ? [[name, JSON.stringify(skeletonOf(schema), null, 2)]] : [];
      return required && choices.length > 0 ? [[name, choices[0] as string]] : [];
    }),
  );
}

const typedOf = (value: unknown, kind: Kind): string => {
  if (kind === 'json') return JSON.stringify(value, null, 2);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
};

/** The input as it is sent, or what must be mended, by field. */
export function inputOf(
  fields: readonly Field[],
  typed: Typed,
): { input: Record<string, unknown> } | { errors: Record<string, string> } {
  const errors: Record<string, string> = {};
  const input: Record<string, unknown> = {};
  for (const field of fields) {
    const text = typed[field.name] ?? '';
    if (text.trim() === '' && !(field.kind === 'text' && text !== '')) {
      const mayBeEmpty = field.kind === 'text' && !(isNumber(field.schema.minLength) && field.schema.minLength > 0);
      if (field.required && mayBeEmpty) input[field.name] = '';
      else if (field.required) errors[field.name] = 'This is needed.';
      continue;
    }
    const read = readText(field, text);
    if ('error' in read) errors[field.name] = read.error;
    else input[field.name] = read.value;
  }
  return Object.keys(errors).length > 0 ? { errors } : { input };
}

function readText({ kind, schema }: Field, text: string): { value: unknown } | { error: string } {
  if (kind === 'boolean') return { value: text === 'true' };
  if (kind === 'json') {
    try {
      return { value: JSON.parse(text) as unknown };
    } catch (error) {
      return { error: `This is no JSON: ${(error as Error).message}` };
    }
  }
  if (kind === 'whole' || kind === 'number') return numberOf(text, kind, schema);
  const { minLength, maxLength } = schema;
  const length = [...text].length;
  if (isNumber(minLength) && length < minLength) return { error: `At least ${minLength} characters.` };
  if (isNumber(maxLength) && length > maxLength) return { error: `At most ${maxLength} characters, not ${length}.` };
  return { value: text };
}

function numberOf(text: string, kind: 'whole' | 'number', schema: Schema): { value: number } | { error: string } {
  if (!DECIMAL.test(text.trim())) return { error: 'This is no number.' };
  const value = Number(text.trim());
  if (kind === 'whole' && !Number.isInteger(value)) return { error: 'A whole number is needed.' };
  // JSON would carry another number than the one that is typed.
  if (kind === 'whole' && !Number.isSafeInteger(value)) return { error: 'This number is too large.' };
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = schema;
  if (isNumber(minimum) && value < minimum) return { error: `At least ${minimum}.` };
  if (isNumber(exclusiveMinimum) && value <= exclusiveMinimum) return { error: `Above ${exclusiveMinimum}.` };
  if (isNumber(maximum) && value > maximum) return { error: `At most ${maximum}.` };
  if (isNumber(exclusiveMaximum) && value >= exclusiveMaximum) return { error: `Below ${exclusiveMaximum}.` };
  return { value };
}

/** JSON back into fields. @returns undefined where it says what no field holds */
export function typedFrom(fields: readonly Field[], json: string): Typed | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isSchema(value)) return undefined;
  const typed: Record<string, string> = {};
  for (const [name, member] of Object.entries(value)) {
    const field = fields.find((one) => one.name === name);
    if (!field) return undefined;
    typed[name] = typedOf(member, field.kind);
  }
  return typed;
}

const isNumber = (value: unknown): value is number => typeof value === 'number';
const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
