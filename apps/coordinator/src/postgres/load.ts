import { SNAPSHOT_TABLES } from '@concordat/coordinator-state';
import type { EntityManager } from 'typeorm';
import type { OpenOptions, PersistedState } from '../engine/store.js';
import {
  CoordinatorStateEntity,
  IdempotencyKeyEntity,
  LeasedSnapshotEntity,
  MemberEntity,
  OpenHazardEntity,
  ParticipantEntity,
  TransactionEntity,
} from './entities.js';
import { loadLocks } from './locks.js';
import { keyRecord, memberRecord, newestFirst, participantRecord, transactionRecord } from './rows.js';

/** Member id of a database that a restore has filled and no replica has begun with yet. */
const NOBODY = '';

/** The database was filled by another member of the cluster, or from another decision log. */
export class ForeignDatabaseError extends Error {
  override readonly name = 'ForeignDatabaseError';
}

/** Loads what a replica starts from, within the caller's database transaction. @throws ForeignDatabaseError */
export async function load(
  manager: EntityManager,
  memberId: string,
  keysMax: number,
  options: OpenOptions,
): Promise<PersistedState> {
  const state = await take(manager, memberId, options);
  const live = await newestFirst(
    manager.createQueryBuilder(TransactionEntity, 't').where(`t.status <> 'completed'`),
  ).getMany();
  const unpublished = await newestFirst(
    manager
      .createQueryBuilder(TransactionEntity, 't')
      .where('t.persistedIndex > :index AND t.outcome IS NOT NULL', { index: state.publishedIndex }),
  ).getMany();
  const keys = await manager.find(IdempotencyKeyEntity, { order: { createdAt: 'DESC' }, take: keysMax });
  const participants = await manager.find(ParticipantEntity, { order: { name: 'ASC' } });
  const members = await manager.find(MemberEntity, { order: { raftId: 'ASC' } });
  const leases = await manager.find(LeasedSnapshotEntity, { order: { csn: 'ASC' } });
  const hazards = await manager.find(OpenHazardEntity, { order: { raisedAt: 'ASC' } });
  return {
    appliedIndex: state.appliedIndex,
    appliedTerm: state.appliedTerm,
    incarnation: state.incarnation,
    memberId: state.memberId,
    publishedIndex: state.publishedIndex,
    prunedThrough: state.prunedThrough,
    reconciliation: state.reconciliation,
    transactions: live.reverse().map(transactionRecord),
    unpublished: unpublished.reverse().map(transactionRecord),
    participants: participants.map(participantRecord),
    members: members.map(memberRecord),
    keys: keys.reverse().map(keyRecord),
    leases: leases.map(({ id, csn, createdAt, ttlMs }) => ({ id, csn, createdAt, ttlMs })),
    locks: await loadLocks(manager),
    hazards: hazards.map((hazard) => ({ ...hazard })),
  };
}

/** Makes sure that the database is this member's: it was, or it is empty, or it may be taken over. */
async function take(manager: EntityManager, memberId: string, options: OpenOptions): Promise<CoordinatorStateEntity> {
  await insertEmptyState(manager, memberId);
  const state = await manager.findOneByOrFail(CoordinatorStateEntity, { singleton: true });
  if (state.memberId === memberId) return state;
  if (options.adopt) {
    await manager.query(`TRUNCATE ${['coordinator_state', ...SNAPSHOT_TABLES].join(', ')}`);
    await insertEmptyState(manager, memberId);
    return manager.findOneByOrFail(CoordinatorStateEntity, { singleton: true });
  }
  if (state.memberId !== NOBODY) {
    throw new ForeignDatabaseError(
      `the database belongs to member ${state.memberId}, the decision log to member ${memberId}; ` +
        'start this log with its own database, or both empty',
    );
  }
  if (!options.newLog) {
    throw new ForeignDatabaseError(
      `the database was restored from a backup, the decision log of member ${memberId} was in use before; ` +
        'start the restored database with an empty DATA_DIR',
    );
  }
  await manager.update(CoordinatorStateEntity, { singleton: true }, { memberId });
  return { ...state, memberId };
}

async function insertEmptyState(manager: EntityManager, memberId: string): Promise<void> {
  await manager.query(
    `INSERT INTO coordinator_state (member_id, incarnation, applied_index, applied_term, published_index)
     VALUES ($1, 0, 0, 0, 0) ON CONFLICT DO NOTHING`,
    [memberId],
  );
}
