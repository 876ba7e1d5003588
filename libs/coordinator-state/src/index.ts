export {
  API_KEY_HASH_PATTERN,
  API_KEY_ID_PATTERN,
  API_KEY_PATTERN,
  API_KEY_ROLES,
  createApiKey,
  hashApiKey,
} from './api-key.js';
export { exportState, NoStateError, type StateExport } from './export-state.js';
export { type ImportPlan, importState, type StateRow } from './import-state.js';
export { migrateCoordinatorTables } from './migrate.js';
export { COORDINATOR_MIGRATIONS, COORDINATOR_MIGRATIONS_TABLE } from './migrations.js';
export { checkEmpty, NotEmptyError, type RestoreOptions, restoreState } from './restore-state.js';
export { CHUNK_BYTES, SnapshotFormatError, type SnapshotHeader, verifySnapshot } from './snapshot-format.js';
export { SNAPSHOT_TABLES } from './tables.js';
