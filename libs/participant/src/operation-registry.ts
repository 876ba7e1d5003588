import { type OperationDescriptor, operationNameSchema } from '@concordat/protocol';
import { z } from 'zod';
import type { OperationOptions } from './operation.decorator.js';
import type { OperationContext } from './operation-context.js';

export interface RegisteredOperation {
  readonly name: string;
  readonly options: OperationOptions;
  /** Where it is written, for messages to people: `AccountOperations.debit`. */
  readonly source: string;
  handle(input: unknown, context: OperationContext): Promise<unknown>;
}

/** Says what is wrong with the operations of a service; start-up ends with it. */
export class OperationRegistrationError extends Error {
  override readonly name = 'OperationRegistrationError';
}

/** The operations of this participant: each name has exactly one handler. */
export class OperationRegistry {
  readonly #operations: ReadonlyMap<string, RegisteredOperation>;
  /** What the heartbeats announce. */
  readonly descriptors: readonly OperationDescriptor[];

  constructor(operations: readonly RegisteredOperation[]) {
    const byName = new Map<string, RegisteredOperation>();
    for (const operation of operations) {
      if (!operationNameSchema.safeParse(operation.name).success) {
        throw new OperationRegistrationError(
          `"${operation.name}" of ${operation.source} is no operation name: use lower-case letters, digits and hyphens, beginning with a letter.`,
        );
      }
      const other = byName.get(operation.name);
      if (other) {
        throw new OperationRegistrationError(
          `The operation "${operation.name}" has two handlers, ${other.source} and ${operation.source}; leave one.`,
        );
      }
      byName.set(operation.name, operation);
    }
    if (byName.size === 0) {
      throw new OperationRegistrationError(
        'This participant has no operations; put @Operation() on a method of a provider or controller of your module.',
      );
    }
    this.#operations = byName;
    this.descriptors = [...byName.values()].map(describe);
  }

  get(name: string): RegisteredOperation | undefined {
    return this.#operations.get(name);
  }
}

function describe({ name, options, source }: RegisteredOperation): OperationDescriptor {
  try {
    return {
      name,
      readOnly: options.readOnly ?? false,
      inputSchema: z.toJSONSchema(options.input, { io: 'input' }) as Record<string, unknown>,
      resultSchema: options.result ? (z.toJSONSchema(options.result, { io: 'output' }) as Record<string, unknown>) : {},
    };
  } catch (error) {
    throw new OperationRegistrationError(
      `A schema of the operation "${name}" (${source}) has no JSON Schema: ${(error as Error).message}.`,
      { cause: error },
    );
  }
}
