import type { EntityManager } from 'typeorm';

/** What an operation gets beside its input. */
export interface OperationContext {
  /**
   * Bound to the database transaction of this branch: whatever is written through it becomes visible when the whole
   * transaction commits, and never if it does not. It is of no use after the operation has returned.
   */
  readonly manager: EntityManager;
  readonly transactionId: string;
  /** Number of this operation within the transaction. */
  readonly branchId: string;
  readonly participant: string;
  readonly operation: string;
  /** When the transaction must be prepared at the latest, Unix time in ms. */
  readonly deadlineMs: number;
  /** Aborted when the transaction is rolled back or its deadline passes while the operation runs. */
  readonly signal: AbortSignal;
  /** The W3C trace context that came with the command, if any. */
  readonly traceparent: string | undefined;
}
