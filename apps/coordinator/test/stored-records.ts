/** Records as a replica persists them, and the batches that they come in. */
import { formatTransactionId } from '@concordat/protocol';
import type { BranchRecord, TransactionRecord } from '@concordat/transaction';
import type { PersistBatch } from '../src/engine/store.js';

export const INCARNATION = 1_763_700_000_123;
export const NOW = 1_763_700_500_123;

export const id = (sequence: number, term = 1): string =>
  formatTransactionId({ incarnation: INCARNATION, term, sequence });

export const debit: BranchRecord = {
  id: '1',
  participant: 'accounts-east',
  operation: 'debit',
  status: 'enlisted',
  result: null,
  reason: null,
};

export const record = (sequence: number, more: Partial<TransactionRecord> = {}): TransactionRecord => ({
  id: id(sequence),
  isolation: 'local',
  serializable: false,
  label: null,
  caller: 'anonymous',
  snapshot: null,
  createdAt: NOW + sequence,
  deadlineAt: NOW + sequence + 30_000,
  status: 'active',
  outcome: null,
  csn: null,
  decidedIndex: null,
  decidedAt: null,
  completedAt: null,
  reason: null,
  branches: [debit],
  ...more,
});

/** One that committed, decided by the entry of its own sequence. */
export const completed = (
  sequence: number,
  completedAt: number,
  more: Partial<TransactionRecord> = {},
): TransactionRecord =>
  record(sequence, {
    status: 'completed',
    outcome: 'committed',
    csn: INCARNATION * 1024 + sequence,
    decidedIndex: sequence,
    decidedAt: completedAt - 1,
    completedAt,
    ...more,
  });

/** A batch that says nothing, between two indices. */
export const batch = (fromIndex: number, toIndex: number, more: Partial<PersistBatch> = {}): PersistBatch => ({
  fromIndex,
  toIndex,
  toTerm: 1,
  incarnation: INCARNATION,
  publishedIndex: 0,
  transactions: [],
  keys: [],
  members: [],
  participants: [],
  prune: null,
  ...more,
});
