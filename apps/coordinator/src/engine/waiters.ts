import { type Coordination, isRunning, recordOf, type TransactionRecord } from '@concordat/transaction';
import type { WaitFor } from './api.js';

/** An operation that is executed at once; its wait ends with its answer, or with the transaction. */
interface RunningOperation {
  readonly participant: string;
  readonly branchId: string;
}

export interface Waiter {
  readonly until: WaitFor | RunningOperation;
  /** D4: an abort of a call that carried a key is answered after its entry is applied. */
  readonly applied: boolean;
  readonly resolve: (record: TransactionRecord) => void;
}

/** Tells those whose wait is over. @returns the others */
export function wakeWaiters(t: Coordination, waiters: readonly Waiter[]): Waiter[] {
  let record: TransactionRecord | undefined;
  return waiters.filter((waiter) => {
    if (isWaiting(t, waiter)) return true;
    record ??= recordOf(t);
    waiter.resolve(record);
    return false;
  });
}

function isWaiting(t: Coordination, { until, applied }: Waiter): boolean {
  if (typeof until === 'object') return t.outcome !== 'aborted' && isRunning(t, until.participant, until.branchId);
  const { state } = t;
  if (state === 'active' || state === 'preparing' || state === 'committing') return true;
  // `completed` is heard from the applied FORGET, so that completedAt is the logged one.
  return until === 'completed' || (applied && state === 'aborting');
}
