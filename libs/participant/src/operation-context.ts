import type { OperationCall } from '@concordat/protocol';
import type { EntityManager } from 'typeorm';
import type { Execution } from './execution.js';
import { fenceGlobally, fenceLocally } from './fence.js';
import type { SnapshotStore } from './global/store.js';
import { currentTrace } from './tracing.js';

/** What an operation gets beside its input. */
export interface OperationContext {
  /**
   * Local isolation: bound to the database transaction of this branch. Whatever is written through it becomes visible
   * when the whole transaction commits, and never if it does not. It is of no use after the operation has returned.
   * Throws under global isolation.
   */
  readonly manager: EntityManager;
  /**
   * Global isolation: the versioned entities as they are at the transaction's snapshot, with what this transaction has
   * written itself laid over them. What is written becomes visible when the whole transaction commits. Throws under
   * local isolation.
   */
  readonly store: SnapshotStore;
  /** Global isolation: the commit sequence number at which `store` reads; null under local isolation. */
  readonly snapshot: number | null;
  /**
   * Guards a resource by the fencing token of a lock (docs/locks.md): to be called before the work that the lock protects, in an
   * operation that is not read-only. Refuses with `fencing-token-stale` when work with a larger token was done there.
   * Under global isolation the DataSource needs the entity `FencedResource`.
   * @param resource what the lock protects, at most 500 characters; the name of the lock where it is one and the same
   * @param token as the coordinator gave it to the holder
   */
  fence(resource: string, token: number): Promise<void>;
  readonly transactionId: string;
  /** Number of this operation within the transaction. */
  readonly branchId: string;
  readonly participant: string;
  readonly operation: string;
  /** When the transaction must be prepared at the latest, Unix time in ms. */
  readonly deadlineMs: number;
  /** Aborted when the transaction is rolled back or its deadline passes while the operation runs. */
  readonly signal: AbortSignal;
  /** The W3C trace context that the operation runs in, to be sent on with calls to others; undefined without a trace. */
  readonly traceparent: string | undefined;
}

/** An operation asked for what its participant's isolation does not have. */
export class IsolationError extends Error {
  override readonly name = 'IsolationError';
}

type Work = { readonly manager: EntityManager } | { readonly store: SnapshotStore; readonly snapshot: number };

/** Makes the context of one call; of manager and store it has the one that is given. */
export function contextOf(
  call: OperationCall,
  execution: Execution,
  participant: string,
  work: Work,
): OperationContext {
  const { transactionId, deadlineMs, signal } = execution;
  return {
    get manager() {
      if ('manager' in work) return work.manager;
      throw new IsolationError('A participant with global isolation has no manager: use context.store.');
    },
    get store() {
      if ('store' in work) return work.store;
      throw new IsolationError('A participant with local isolation has no store: use context.manager.');
    },
    fence: (resource, token) =>
      'manager' in work
        ? fenceLocally(work.manager, participant, resource, token)
        : fenceGlobally(work.store, resource, token),
    snapshot: 'snapshot' in work ? work.snapshot : null,
    transactionId,
    branchId: call.branchId,
    participant,
    operation: call.operation,
    deadlineMs,
    signal,
    traceparent: currentTrace()?.traceparent,
  };
}
