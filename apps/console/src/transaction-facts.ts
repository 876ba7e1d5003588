/** What the record of a transaction says in one word, or one figure. */
import type { Transaction } from '@concordat/client';

export type Outcome = 'committed' | 'aborted' | 'undecided';

export function outcomeOf({
  csn,
  decidedAt,
  outcomeReason,
  status,
}: Pick<Transaction, 'csn' | 'decidedAt' | 'outcomeReason' | 'status'>): Outcome {
  if (csn !== null || status === 'committed') return 'committed';
  return decidedAt !== null || outcomeReason !== null || status === 'aborted' ? 'aborted' : 'undecided';
}

/** From begin to decision, in ms; null while undecided. */
export const takenMs = ({ createdAt, decidedAt }: Pick<Transaction, 'createdAt' | 'decidedAt'>): number | null =>
  decidedAt === null ? null : Date.parse(decidedAt) - Date.parse(createdAt);
