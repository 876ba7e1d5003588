import { CreateCoordinatorTables1763700000000 } from './migrations/1763700000000-create-coordinator-tables.js';
import { AddReconciling1763900000000 } from './migrations/1763900000000-add-reconciling.js';

/** In the order in which they are run. */
export const COORDINATOR_MIGRATIONS = [CreateCoordinatorTables1763700000000, AddReconciling1763900000000];
export const COORDINATOR_MIGRATIONS_TABLE = 'coordinator_migration';
