import type { KeyRecord, MemberRecord, ParticipantRecord, TransactionRecord } from '@concordat/transaction';
import type { SelectQueryBuilder } from 'typeorm';
import type { IdempotencyKeyEntity, MemberEntity, ParticipantEntity, TransactionEntity } from './entities.js';

/** The record that a row of `transaction` stands for. */
export const transactionRecord = (row: TransactionEntity): TransactionRecord => ({
  id: row.id,
  isolation: row.isolation,
  serializable: row.serializable,
  label: row.label,
  caller: row.caller,
  snapshot: row.snapshot,
  createdAt: row.createdAt,
  deadlineAt: row.deadlineAt,
  status: row.status,
  outcome: row.outcome,
  csn: row.csn,
  decidedIndex: row.decidedIndex,
  decidedAt: row.decidedAt,
  completedAt: row.completedAt,
  reason: row.reason,
  branches: row.branches,
});

export const keyRecord = (row: IdempotencyKeyEntity): KeyRecord => ({
  caller: row.caller,
  key: row.key,
  requestHash: row.requestHash,
  transactionId: row.transactionId,
  createdAt: row.createdAt,
});

export const participantRecord = (row: ParticipantEntity): ParticipantRecord => ({
  name: row.name,
  isolation: row.isolation,
  operations: row.operations,
  registeredAt: row.registeredAt,
});

export const memberRecord = (row: MemberEntity): MemberRecord => ({
  raftId: row.raftId,
  nodeId: row.nodeId,
  address: row.address,
  url: row.url,
  removed: row.removed,
  formatVersion: row.formatVersion,
});

/** Ids are ordered by their parts, never as text. The query calls the table `t`. */
export const newestFirst = (query: SelectQueryBuilder<TransactionEntity>): SelectQueryBuilder<TransactionEntity> =>
  query.orderBy('t.incarnation', 'DESC').addOrderBy('t.term', 'DESC').addOrderBy('t.sequence', 'DESC');
