/** An input to begin with, made of an operation's JSON Schema: each required member with something of its type. */
type Schema = Readonly<Record<string, unknown>>;

const DEPTH_MAX = 6;

export function skeletonOf(schema: unknown, depth = 0): unknown {
  if (typeof schema !== 'object' || schema === null || depth > DEPTH_MAX) return null;
  const one = schema as Schema;
  if ('default' in one) return one.default;
  if ('const' in one) return one.const;
  if (Array.isArray(one.enum)) return one.enum[0];
  if (Array.isArray(one.examples)) return one.examples[0];
  switch (one.type) {
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return typeof one.minimum === 'number'
        ? one.minimum
        : typeof one.exclusiveMinimum === 'number'
          ? one.exclusiveMinimum + 1
          : 0;
    case 'boolean':
      return false;
    case 'array':
      return [];
    case 'object':
      return objectOf(one, depth);
    default:
      return one.properties ? objectOf(one, depth) : null;
  }
}

function objectOf({ properties, required }: Schema, depth: number): Record<string, unknown> {
  const members = (properties ?? {}) as Record<string, unknown>;
  const wanted = Array.isArray(required) ? (required as string[]) : Object.keys(members);
  return Object.fromEntries(wanted.map((name) => [name, skeletonOf(members[name], depth + 1)]));
}
