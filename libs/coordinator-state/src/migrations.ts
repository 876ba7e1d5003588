import { CreateCoordinatorTables1763700000000 } from './migrations/1763700000000-create-coordinator-tables.js';
import { AddReconciliation1763910000000 } from './migrations/1763910000000-add-reconciliation.js';
import { AddLeasedSnapshots1763920000000 } from './migrations/1763920000000-add-leased-snapshots.js';
import { AddMemberFormat1763930000000 } from './migrations/1763930000000-add-member-format.js';

/** In the order in which they are run. */
export const COORDINATOR_MIGRATIONS = [
  CreateCoordinatorTables1763700000000,
  AddReconciliation1763910000000,
  AddLeasedSnapshots1763920000000,
  AddMemberFormat1763930000000,
];
export const COORDINATOR_MIGRATIONS_TABLE = 'coordinator_migration';
