import type { BranchResult, OperationCall, Reason } from '@concordat/protocol';
import { SpanKind } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { ExecutionCancelled } from './execution.js';
import type { OperationContext } from './operation-context.js';
import type { OperationRegistry, RegisteredOperation } from './operation-registry.js';
import type { Refused } from './prepare-outcome.js';
import { Refusal } from './refusal.js';
import { inSpan } from './tracing.js';
import { ownReason, ResultsTooLargeError } from './votes.js';

/** A call whose handler was found and whose input was checked. */
export interface ResolvedCall {
  readonly call: OperationCall;
  readonly operation: RegisteredOperation;
  readonly input: unknown;
}

/** Wraps whatever an operation threw, to tell it from failures of our own. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
  constructor(
    readonly call: OperationCall,
    cause: unknown,
  ) {
    super(`the operation ${call.operation} failed`, { cause });
  }
}

const ISSUES_MAX = 5;

/** Finds the handlers and checks the inputs, before anything touches the database. */
export function resolveCalls(
  calls: readonly OperationCall[],
  registry: OperationRegistry,
): ResolvedCall[] | { reason: Reason } {
  const resolved: ResolvedCall[] = [];
  for (const call of calls) {
    const operation = registry.get(call.operation);
    if (operation === undefined) {
      const message = `There is no operation "${call.operation}".`;
      return { reason: ownReason('operation-unknown', message, false, call.branchId) };
    }
    const parsed = operation.options.input.safeParse(call.input);
    if (!parsed.success) {
      const issues = parsed.error.issues.slice(0, ISSUES_MAX);
      const text = issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`).join('; ');
      return { reason: ownReason('input-invalid', text, false, call.branchId) };
    }
    resolved.push({ call, operation, input: parsed.data });
  }
  return resolved;
}

/** What runs an operation: it makes the context, and ends the wait when the execution is cancelled. */
export interface OperationRunner {
  runOperation<T>(resolved: ResolvedCall, operation: (context: OperationContext) => Promise<T>): Promise<T>;
}

/**
 * Runs operations one after the other. Throws what ended them: `OperationError`, or `ExecutionCancelled`.
 */
export async function runCalls(runner: OperationRunner, calls: readonly ResolvedCall[]): Promise<BranchResult[]> {
  const results: BranchResult[] = [];
  for (const resolved of calls) {
    const { call, operation, input } = resolved;
    try {
      const value = await inSpan(`operation ${call.operation}`, SpanKind.INTERNAL, attributesOf(call), () =>
        runner.runOperation(resolved, (context) => operation.handle(input, context)),
      );
      const result = operation.options.result ? operation.options.result.parse(value) : value;
      results.push({ branchId: call.branchId, result: result ?? null });
    } catch (error) {
      throw error instanceof ExecutionCancelled ? error : new OperationError(call, error);
    }
  }
  return results;
}

const attributesOf = ({ operation, branchId }: OperationCall) => ({
  'concordat.operation': operation,
  'concordat.branch.id': branchId,
});

/** The refusal that an error leads to which will not pass by itself. */
export function refusedByError(error: unknown, transactionId: string, logger: Logger): Refused {
  if (error instanceof OperationError && error.cause instanceof Refusal) {
    const { code, message, retryable } = error.cause;
    return { kind: 'refused', reason: { code, message, retryable, branchId: error.call.branchId } };
  }
  if (error instanceof ResultsTooLargeError) {
    return { kind: 'refused', reason: ownReason('operation-failed', error.message, false) };
  }
  const poison = error instanceof OperationError ? error.cause : error;
  const where = error instanceof OperationError ? `The operation "${error.call.operation}"` : 'The branch';
  logger.error({ transactionId, err: poison }, `${where} failed in a way that its author did not foresee`);
  const branchId = error instanceof OperationError ? error.call.branchId : undefined;
  const message = `${where} failed in a way that its author did not foresee; the participant's log tells more.`;
  return { kind: 'refused', reason: ownReason('operation-failed', message, false, branchId), poison };
}
