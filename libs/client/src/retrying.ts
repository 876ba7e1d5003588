import { type BackoffOptions, backoffMs } from './backoff.js';
import { type Random, sleep } from './clock.js';
import type { Deadline } from './deadline.js';
import { TransactionAbortedError } from './errors.js';
import type { RetryBudget } from './retry-budget.js';

export interface RetryingOptions {
  readonly budget: RetryBudget;
  readonly random: Random;
  readonly backoff: BackoffOptions;
}

/**
 * Makes a transaction again, as a whole and as a new one, when it was aborted for a reason that may pass. Everything else that
 * `attempt` ends with is final, an unknown outcome above all.
 * @param attempt gets the number of the attempt, from 0
 * @throws what the last attempt threw, when the deadline leaves no time for another
 */
export async function retryAborts<T>(
  attempt: (number: number) => Promise<T>,
  deadline: Deadline,
  { budget, random, backoff }: RetryingOptions,
): Promise<T> {
  for (let number = 0; ; number += 1) {
    try {
      return await attempt(number);
    } catch (error) {
      if (!causeIsRetryable(error)) throw error;
      let waitMs = backoffMs(number, random, backoff);
      do {
        if (waitMs >= deadline.remainingMs) throw error;
        await sleep(deadline.clock, waitMs, deadline.signal);
        waitMs = budget.waitMs;
      } while (!budget.spend());
    }
  }
}

/** The work may have wrapped what a call threw. */
function causeIsRetryable(error: unknown): boolean {
  if (error instanceof TransactionAbortedError) return error.retryable;
  return error instanceof Error && causeIsRetryable(error.cause);
}
