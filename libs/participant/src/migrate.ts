import pg from 'pg';
import { DataSource } from 'typeorm';
import type { VersionedEntities } from './global/versioned-entities.js';
import { migrateVersionedTables } from './global/versioned-tables.js';
import { BranchTables1735689600001 } from './migrations/1-branch-tables.js';
import { GlobalIsolation1735689600002 } from './migrations/2-global-isolation.js';
import { Fence1735689600003 } from './migrations/3-fence.js';

/** One key for all participants: those that share a database migrate it one after the other. */
const ADVISORY_LOCK_KEY = 0x434e4344;

/** Migrations of the participant's own tables, for those who run migrations from elsewhere. */
export const PARTICIPANT_MIGRATIONS = [BranchTables1735689600001, GlobalIsolation1735689600002, Fence1735689600003];

export interface MigrateOptions {
  readonly url: string;
  readonly host: DataSource;
  readonly participant: string;
  /** Global isolation: filled here, since entities are known only once the DataSource has connected. */
  readonly entities: VersionedEntities | undefined;
}

/**
 * Brings the database up to date: first the participant's own tables, then those of the host application where its
 * DataSource names migrations, then those of versioned entities. Several processes may do so at the same time.
 */
export async function migrate({ url, host, participant, entities }: MigrateOptions): Promise<void> {
  const lock = new pg.Client({ connectionString: url, application_name: 'concordat migrations' });
  lock.on('error', () => undefined); // the statements below report it
  await lock.connect();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK_KEY]);
    await migrateOwnTables(url);
    if (!host.isInitialized) await host.initialize();
    await host.runMigrations({ transaction: 'each' });
    if (!entities) return;
    entities.read(host);
    await migrateVersionedTables(lock, participant, entities.tables);
  } finally {
    await lock.end();
  }
}

async function migrateOwnTables(url: string): Promise<void> {
  const own = new DataSource({
    type: 'postgres',
    url,
    migrations: PARTICIPANT_MIGRATIONS,
    migrationsTableName: 'concordat_participant_migrations',
    entities: [],
  });
  await own.initialize();
  try {
    await own.runMigrations({ transaction: 'each' });
  } finally {
    await own.destroy();
  }
}
