import { CreateCoordinatorTables1763700000000 } from './migrations/1763700000000-create-coordinator-tables.js';
import { AddReconciliation1763910000000 } from './migrations/1763910000000-add-reconciliation.js';
import { AddLeasedSnapshots1763920000000 } from './migrations/1763920000000-add-leased-snapshots.js';
import { AddMemberFormat1763930000000 } from './migrations/1763930000000-add-member-format.js';
import { AddLocks1763940000000 } from './migrations/1763940000000-add-locks.js';
import { AddHazardsAndOperatorActions1763945000000 } from './migrations/1763945000000-add-hazards-and-operator-actions.js';
import { IndexCallers1764500000000 } from './migrations/1764500000000-index-callers.js';

/** In the order in which they are run. */
export const COORDINATOR_MIGRATIONS = [
  CreateCoordinatorTables1763700000000,
  AddReconciliation1763910000000,
  AddLeasedSnapshots1763920000000,
  AddMemberFormat1763930000000,
  AddLocks1763940000000,
  AddHazardsAndOperatorActions1763945000000,
  IndexCallers1764500000000,
];
export const COORDINATOR_MIGRATIONS_TABLE = 'coordinator_migration';
