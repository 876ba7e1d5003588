import type { Database } from './database.js';
import type { VersionedTable } from './table.js';

export interface Decision {
  readonly transactionId: string;
  /** Null: roll back. */
  readonly csn: number | null;
  /** Whether a rollback without a branch row leaves an abort row: true, unless the transaction is below the horizon (S8). */
  readonly leaveAbortRow?: boolean;
}

export interface FinaliseAnswer {
  readonly transactionId: string;
  /** The state before. A state that contradicts the decision is left as it is: report it. */
  readonly found: 'prepared' | 'committed' | 'aborted' | 'absent';
  /** The CSN of a branch that was committed before. */
  readonly csn: number | null;
}

/**
 * Carries out decisions (S5), all in one database transaction, which it begins and ends itself. Idempotent.
 * @param tables all versioned tables of the participant (UNIQUE_TABLE is added here)
 * @returns an answer for each decision, in the order given
 */
export async function finalise(
  _db: Database,
  _participant: string,
  _tables: readonly VersionedTable[],
  _decisions: readonly Decision[],
): Promise<readonly FinaliseAnswer[]> {
  throw new Error('not written yet');
}
