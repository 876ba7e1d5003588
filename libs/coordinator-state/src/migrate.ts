import { DataSource } from 'typeorm';
import { COORDINATOR_MIGRATIONS, COORDINATOR_MIGRATIONS_TABLE } from './migrations.js';

/** Makes the tables of a coordinator, or brings them up to date. */
export async function migrateCoordinatorTables(databaseUrl: string): Promise<void> {
  const dataSource = new DataSource({
    type: 'postgres',
    url: databaseUrl,
    applicationName: 'concordat-migrations',
    entities: [],
    migrations: COORDINATOR_MIGRATIONS,
    migrationsTableName: COORDINATOR_MIGRATIONS_TABLE,
  });
  await dataSource.initialize();
  try {
    await dataSource.runMigrations({ transaction: 'each' });
  } finally {
    await dataSource.destroy();
  }
}
