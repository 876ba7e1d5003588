/** How records of decided transactions look: at an abort, at completion, and which branches still owe a DONE. */
import type { Reason } from '@concordat/protocol';
import type { BranchRecord, TransactionHeader, TransactionRecord } from './record.js';

/** Whether a branch of this status has something to finalise after this outcome. */
export const needsFinalising = (outcome: 'committed' | 'aborted', branch: BranchRecord): boolean =>
  outcome === 'committed'
    ? branch.status === 'prepared'
    : branch.status === 'prepared' || branch.status === 'preparing' || branch.status === 'enlisted';

/** Every branch is final; those of the participants in `hazards` contradict the decision. */
export function completedRecord(record: TransactionRecord, at: number, hazards: readonly string[]): TransactionRecord {
  const outcome = record.outcome as 'committed' | 'aborted';
  const final = outcome === 'committed' ? 'committed' : 'rolled-back';
  const branches = record.branches.map((branch): BranchRecord => {
    if (hazards.includes(branch.participant)) return { ...branch, status: 'hazard' };
    return needsFinalising(outcome, branch) ? { ...branch, status: final } : branch;
  });
  return { ...record, status: 'completed', completedAt: at, branches };
}

export function abortedRecord(
  header: TransactionHeader,
  branches: readonly BranchRecord[],
  reason: Reason,
  index: number,
  at: number,
): TransactionRecord {
  return {
    id: header.id,
    isolation: header.isolation,
    serializable: header.serializable,
    label: header.label,
    caller: header.caller,
    snapshot: header.snapshot,
    createdAt: header.createdAt,
    deadlineAt: header.deadlineAt,
    status: 'aborted',
    outcome: 'aborted',
    csn: null,
    decidedIndex: index,
    decidedAt: at,
    completedAt: null,
    reason,
    branches,
  };
}
