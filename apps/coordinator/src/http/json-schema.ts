import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;

/** Collects the named schemas of one document, so that each stands there once and is referred to. */
export class SchemaComponents {
  private readonly schemas: Record<string, JsonSchema> = {};

  constructor(private readonly location: string) {}

  /** The schema as JSON Schema 2020-12; schemas with an id become references. `io`: what is sent, or what is answered. */
  refer(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const { $schema: _, $defs, ...rest } = toJsonSchema(schema, 'draft-2020-12', io);
    for (const [id, definition] of Object.entries(($defs ?? {}) as Record<string, JsonSchema>)) {
      this.schemas[id] = this.relocate(definition);
    }
    return this.relocate(rest);
  }

  /** The named schemas so far, by name. */
  all(): Record<string, JsonSchema> {
    return Object.fromEntries(Object.entries(this.schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  private relocate(schema: JsonSchema): JsonSchema {
    return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', `"${this.location}`)) as JsonSchema;
  }
}

/** JSON Schema of a zod schema. Patterns that only spell out a format are left out: they are for machines to repeat. */
export function toJsonSchema(
  schema: z.ZodType,
  target: 'draft-2020-12' | 'draft-07',
  io: 'input' | 'output' = 'output',
): JsonSchema {
  return z.toJSONSchema(schema, {
    target,
    io,
    override: ({ jsonSchema }) => {
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    },
  }) as JsonSchema;
}
