import { COORDINATOR_MIGRATIONS, COORDINATOR_MIGRATIONS_TABLE } from '@concordat/coordinator-state';
import { DataSource } from 'typeorm';
import {
  CoordinatorStateEntity,
  IdempotencyKeyEntity,
  LeasedSnapshotEntity,
  MemberEntity,
  OpenHazardEntity,
  OperatorActionEntity,
  ParticipantEntity,
  TransactionEntity,
} from './entities.js';
import { LockHoldEntity, LockSessionEntity } from './locks.js';

const CONNECTIONS_MAX = 6;
export const CONNECT_TIMEOUT_MS = 5_000;
export const QUERY_TIMEOUT_MS = 30_000;

/** TypeORM's view of the replica's database: entities, migrations and every query that is not on the hot path. */
export function coordinatorDataSource(databaseUrl: string, onPoolError: (error: unknown) => void): DataSource {
  return new DataSource({
    type: 'postgres',
    url: databaseUrl,
    applicationName: 'concordat-coordinator',
    entities: [
      CoordinatorStateEntity,
      TransactionEntity,
      IdempotencyKeyEntity,
      ParticipantEntity,
      MemberEntity,
      LeasedSnapshotEntity,
      OpenHazardEntity,
      OperatorActionEntity,
      LockHoldEntity,
      LockSessionEntity,
    ],
    migrations: COORDINATOR_MIGRATIONS,
    migrationsTableName: COORDINATOR_MIGRATIONS_TABLE,
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    poolSize: CONNECTIONS_MAX,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    poolErrorHandler: onPoolError,
    extra: { query_timeout: QUERY_TIMEOUT_MS, keepAlive: true },
  });
}
