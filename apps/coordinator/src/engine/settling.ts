/** How long callers wait for what becomes of a transaction. */
import type { Coordination, TransactionRecord } from '@concordat/transaction';
import type { WaitFor } from './api.js';
import { unknownOutcome } from './errors.js';
import type { Leader } from './leader.js';
import { within } from './within.js';

/** After the deadline everything is settled; a decision that takes longer than this to be durable is reported as unknown. */
const DECISION_GRACE_MS = 10_000;
/** How long a call waits for completion beyond the decision, and a long poll at all. */
export const WAIT_MAX_MS = 30_000;

/** How long a call waits for the outcome, in ms. @param now Unix ms */
export const decidedWithinMs = ({ header }: Coordination, now: number): number =>
  Math.max(header.deadlineAt - now, 0) + DECISION_GRACE_MS;

/**
 * Waits until a transaction is decided, and completed where that is asked for.
 * @param applied whether the entry of an abort is waited for as well (D4)
 * @param now Unix ms
 * @returns undefined where the leader does not hold it
 * @throws ConcordatError outcome-unknown
 */
export async function settledAt(
  leader: Leader,
  id: string,
  { wait, applied, now }: { readonly wait: WaitFor | undefined; readonly applied: boolean; readonly now: number },
): Promise<TransactionRecord | undefined> {
  const t = leader.get(id);
  const decided = leader.wait(id, 'decided', applied);
  if (!t || !decided) return undefined;
  const completed = wait === 'completed' ? leader.wait(id, 'completed', applied) : undefined;
  const record = await within(decided, decidedWithinMs(t, now));
  if (!record) throw unknownOutcome(id);
  return (completed && (await within(completed, WAIT_MAX_MS))) ?? record;
}
