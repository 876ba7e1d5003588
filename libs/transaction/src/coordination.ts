/**
 * The coordination of one transaction by the leader of its term: everything volatile about it, from the first branch
 * to the last DONE. Nothing here is replicated; a new leader makes a coordination anew from the ledger's record
 * (`resumeCoordination`), which suffices because COMMIT entries are self-contained (D5) and every branch that the
 * ledger does not know repeats its vote (D6).
 */
import type { OperationCall, Reason } from '@concordat/protocol';
import type { BranchRecord, BranchStatus, IdempotencyClaim, TransactionHeader, TransactionRecord } from './record.js';

/**
 * - active: takes branches; nothing has been sent.
 * - preparing: PREPARE sent; votes and the deadline race (D3).
 * - committing: commit is settled and its entry proposed; nothing is sent and no other outcome is possible.
 * - aborting: abort is settled and its entry proposed; ROLLBACK is sent already (D4).
 * - committed, aborted: the entry is applied; waiting for every DONE (D7).
 * - completed: every branch is final; waiting for the FORGET entry to be applied.
 */
export type CoordinationState =
  | 'active'
  | 'preparing'
  | 'committing'
  | 'aborting'
  | 'committed'
  | 'aborted'
  | 'completed';

/** Where one participant stands. `finalised`: it has reported DONE; `hazard`: it contradicts the decision. */
export type Phase = 'enlisted' | 'preparing' | 'prepared' | 'read-only' | 'refused' | 'finalised' | 'hazard';

/** What was executed at one participant before the prepare, which continues it; volatile there too. */
export interface Session {
  /** The participant's name for it, from the first answer. */
  nonce: string | null;
  /** How many executes were answered. */
  executed: number;
  /** In the order in which they came; the first one is under way and has the number `executed` + 1. */
  readonly queue: OperationCall[];
}

/** All branches of one participant: they share one PREPARE, one vote and one DONE. */
export interface ParticipantWork {
  readonly participant: string;
  /** What PREPARE carries: the deferred ones, which run then, after all that were executed. */
  readonly operations: OperationCall[];
  /** Null where nothing is executed at once. */
  session: Session | null;
  phase: Phase;
  reason: Reason | null;
}

export interface Coordination {
  readonly header: TransactionHeader;
  readonly claims: IdempotencyClaim[];
  state: CoordinationState;
  readonly works: Map<string, ParticipantWork>;
  /** In the order of enlistment; status is that of the participant's work. */
  readonly branches: {
    readonly id: string;
    readonly participant: string;
    readonly operation: string;
    result: unknown;
  }[];
  outcome: 'committed' | 'aborted' | null;
  reason: Reason | null;
  csn: number | null;
  decidedIndex: number | null;
  decidedAt: number | null;
  completedAt: number | null;
  /** How many times the outstanding commands of this state have been sent again. */
  resends: number;
}

/** A new transaction, begun by the leader of the term in its id. */
export function beginCoordination(header: TransactionHeader, claims: readonly IdempotencyClaim[]): Coordination {
  return {
    header,
    claims: [...claims],
    state: 'active',
    works: new Map(),
    branches: [],
    outcome: null,
    reason: null,
    csn: null,
    decidedIndex: null,
    decidedAt: null,
    completedAt: null,
    resends: 0,
  };
}

/** Recovery: takes up a decided, unfinished transaction from the ledger. Its decision is not proposed again (D2). */
export function resumeCoordination(record: TransactionRecord): Coordination {
  if (record.outcome === null) throw new Error(`${record.id} is undecided: a new term settles it before it is resumed`);
  const coordination: Coordination = {
    ...beginCoordination(record, []),
    header: headerOf(record),
    state: record.outcome,
    outcome: record.outcome,
    reason: record.reason,
    csn: record.csn,
    decidedIndex: record.decidedIndex,
    decidedAt: record.decidedAt,
  };
  for (const branch of record.branches) {
    coordination.branches.push({
      id: branch.id,
      participant: branch.participant,
      operation: branch.operation,
      result: branch.result,
    });
    coordination.works.set(branch.participant, {
      participant: branch.participant,
      operations: [],
      session: null,
      phase: resumedPhase(record.outcome, branch.status),
      reason: branch.reason,
    });
  }
  return coordination;
}

/** After an abort nobody knows which PREPAREs had been sent, so whatever may be prepared is told to roll back. */
function resumedPhase(outcome: 'committed' | 'aborted', status: BranchStatus): Phase {
  if (status === 'read-only' || status === 'refused' || status === 'prepared' || status === 'hazard') return status;
  if (status === 'committed' || status === 'rolled-back') return 'finalised';
  return outcome === 'aborted' ? 'preparing' : 'enlisted';
}

function headerOf(record: TransactionHeader): TransactionHeader {
  const { id, isolation, serializable, label, caller, snapshot, createdAt, deadlineAt } = record;
  return { id, isolation, serializable, label, caller, snapshot, createdAt, deadlineAt };
}

/** Makes room for the work of a participant where there is none yet. */
export function workOf({ works }: Coordination, participant: string): ParticipantWork {
  let work = works.get(participant);
  if (!work) {
    work = { participant, operations: [], session: null, phase: 'enlisted', reason: null };
    works.set(participant, work);
  }
  return work;
}

/** Whether the operation was to be executed at once and has not been answered. */
export const isRunning = ({ works }: Coordination, participant: string, branchId: string): boolean =>
  works.get(participant)?.session?.queue.some((call) => call.branchId === branchId) ?? false;

/** The branches as the log and callers see them. */
export function branchRecords(coordination: Coordination): BranchRecord[] {
  return coordination.branches.map((branch) => {
    const work = coordination.works.get(branch.participant) as ParticipantWork;
    const reason = work.reason?.branchId === undefined || work.reason.branchId === branch.id ? work.reason : null;
    return { ...branch, status: branchStatus(work.phase, coordination.outcome), reason };
  });
}

function branchStatus(phase: Phase, outcome: Coordination['outcome']): BranchStatus {
  if (phase !== 'finalised') return phase;
  return outcome === 'committed' ? 'committed' : 'rolled-back';
}

const PUBLIC_STATUS = {
  active: 'active',
  preparing: 'preparing',
  committing: 'preparing',
  aborting: 'aborted',
  committed: 'committed',
  aborted: 'aborted',
  completed: 'completed',
} as const;

/** The transaction as the leader knows it at this moment: fresher than the ledger, never ahead of what is decided. */
export function recordOf(coordination: Coordination): TransactionRecord {
  const { header, outcome, completedAt } = coordination;
  // Completed is what the log says: until FORGET is applied the transaction reads as decided.
  const state =
    coordination.state === 'completed' && completedAt === null ? (outcome ?? 'completed') : coordination.state;
  const settled = state !== 'committing';
  return {
    ...header,
    status: PUBLIC_STATUS[state],
    outcome: settled ? outcome : null,
    csn: coordination.csn,
    decidedIndex: coordination.decidedIndex,
    decidedAt: settled ? coordination.decidedAt : null,
    completedAt,
    reason: coordination.reason,
    branches: branchRecords(coordination),
  };
}
