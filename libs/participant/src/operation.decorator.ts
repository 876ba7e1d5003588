import type { z } from 'zod';
import type { OperationContext } from './operation-context.js';

export const OPERATION_METADATA = Symbol('concordat:operation');

export interface OperationOptions<Input extends z.ZodType = z.ZodType, Result extends z.ZodType = z.ZodType> {
  /** Checked before the operation runs; its JSON Schema is announced to the coordinator. */
  readonly input: Input;
  /** Checked after the operation has run; anything is allowed when left out. */
  readonly result?: Result;
  /**
   * Declares that the operation writes nothing. Where all operations of a transaction here are read-only, the branch
   * has no second phase, and Postgres itself refuses writes.
   */
  readonly readOnly?: boolean;
}

export interface OperationMetadata {
  readonly name: string;
  readonly options: OperationOptions;
}

type OperationMethod<Input, Result> = (input: Input, context: OperationContext) => Result | Promise<Result>;

/** Makes a method of a provider or controller an operation that transactions can call. */
export function Operation<Input extends z.ZodType, Result extends z.ZodType = z.ZodType<unknown>>(
  name: string,
  options: OperationOptions<Input, Result>,
) {
  return <Method extends OperationMethod<z.output<Input>, z.input<Result>>>(
    target: object,
    property: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => {
    if (descriptor.value === undefined) throw new TypeError(`@Operation('${name}') belongs on a method`);
    const metadata: OperationMetadata = { name, options };
    Reflect.defineMetadata(OPERATION_METADATA, [...operationsOf(target, property), metadata], descriptor.value);
  };
}

function operationsOf(target: object, property: string | symbol): readonly OperationMetadata[] {
  return Reflect.getMetadata(OPERATION_METADATA, Reflect.get(target, property) as object) ?? [];
}
