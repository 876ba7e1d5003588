export { RESEND_CAP_MS, RESEND_FIRST_MS, resendDelayMs } from './backoff.js';
export {
  beginCoordination,
  branchRecords,
  type Coordination,
  type CoordinationState,
  isRunning,
  type ParticipantWork,
  recordOf,
  resumeCoordination,
} from './coordination.js';
export { needsFinalising } from './decided-records.js';
export { decodeEntry, type Entry, encodeEntry, type OperatorEntry, type ReconcileEntry } from './entries.js';
export { ENTRY_FORMATS, FORMAT_VERSION, formatOf, formatVersionOf, membersBelow } from './formats.js';
export { type HazardChanges, type HazardRecord, hazardKey, OpenHazards } from './hazards.js';
export { type Change, compareRecords, csnOf, Ledger, type LedgerState, leaderChanged } from './ledger.js';
export {
  type BranchReport,
  isOlder,
  type Question,
  Reconciliation,
  reconciled,
  type Verdict,
  withBranch,
} from './reconciliation.js';
export type {
  BranchRecord,
  BranchStatus,
  IdempotencyClaim,
  KeyRecord,
  MemberRecord,
  ParticipantRecord,
  SnapshotLease,
  TransactionHeader,
  TransactionRecord,
  TransactionStatus,
} from './record.js';
export { confirmed, type OperatorAction, resolvedReason } from './resolution.js';
export { type CoordinationEvent, type Effect, type SentCommand, type StepContext, step } from './transitions.js';
