import { ConcordatError, compareTransactionIds, parseTransactionId } from '@concordat/protocol';
import { leaderChanged, type TransactionRecord } from '@concordat/transaction';
import { unknownOutcome } from './errors.js';
import { noTransaction } from './ownership.js';

/** What a replica knows of ids that were given out. */
export interface KnownIds {
  readonly ledger: {
    readonly incarnation: number;
    readonly appliedTerm: number;
    readonly reconciliation: 'pending' | 'done' | null;
  };
  readonly leader: { hasIssued(id: string): boolean } | undefined;
  /** Unix ms of the first entry of the current term. */
  readonly termStartedAt: number;
}

/**
 * What to say of an id that is neither live nor stored (D8): an older term's is aborted, since its BEGIN was lost with
 * its leader; one below what was pruned is gone; one of an earlier incarnation is not known before its participants have
 * been heard, and gone if none of them knows it; any other was never given out.
 * @throws ConcordatError transaction-not-found, transaction-gone
 */
export function missingRecord(id: string, known: KnownIds, prunedThrough: string | null): TransactionRecord {
  const { leader, ledger, termStartedAt } = known;
  const parts = parseTransactionId(id);
  if (parts && parts.incarnation < ledger.incarnation && ledger.reconciliation !== null) {
    if (ledger.reconciliation === 'pending') throw unknownOutcome(id); // its participants have not all been heard
    throw new ConcordatError('transaction-gone', `Nothing is left of transaction ${id} since the restore.`, {
      transactionId: id,
    });
  }
  if (!parts || parts.incarnation !== ledger.incarnation || parts.term > ledger.appliedTerm) throw noTransaction(id);
  if (parts.term === ledger.appliedTerm && !leader?.hasIssued(id)) throw noTransaction(id);
  const pruned = prunedThrough === null ? undefined : parseTransactionId(prunedThrough);
  if ((pruned && compareTransactionIds(parts, pruned) <= 0) || parts.term === ledger.appliedTerm) {
    throw new ConcordatError('transaction-gone', `Transaction ${id} was finished and pruned.`, { transactionId: id });
  }
  // The times of its beginning are lost with it; that of its end is when the next leader's first entry settled it.
  return {
    id,
    isolation: 'local',
    serializable: false,
    label: null,
    caller: '',
    snapshot: null,
    createdAt: termStartedAt,
    deadlineAt: termStartedAt,
    status: 'aborted',
    outcome: 'aborted',
    csn: null,
    decidedIndex: null,
    decidedAt: termStartedAt,
    completedAt: null,
    reason: leaderChanged,
    branches: [],
  };
}
