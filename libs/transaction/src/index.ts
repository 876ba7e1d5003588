export { decodeEntry, type Entry, encodeEntry } from './entries.js';
export type {
  BranchRecord,
  BranchStatus,
  IdempotencyClaim,
  KeyRecord,
  ParticipantRecord,
  TransactionHeader,
  TransactionRecord,
  TransactionStatus,
} from './record.js';
