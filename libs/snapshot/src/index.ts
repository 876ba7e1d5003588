export { collect } from './collect.js';
export type { Database, QueryAnswer } from './database.js';
export type { Comparison, Filter } from './filter.js';
export { type Decision, type FinaliseAnswer, finalise } from './finalise.js';
export { type BranchRow, type PrepareResult, prepareBranch } from './prepare.js';
export type { Mark, PrepareRequest } from './prepare-request.js';
export { type ReadContext, readKeys } from './read.js';
export { ScanTooLarge, scan } from './scan.js';
export { SHARED_STATEMENTS, tableStatements, UNIQUE_TABLE } from './schema.js';
export {
  type Column,
  encodeKey,
  type KeyValues,
  keyOf,
  type Row,
  type UniqueConstraint,
  type VersionedTable,
} from './table.js';
export { chooseVisible, type Found, type StatusSource, type Version } from './visibility.js';
export { type UniqueOwners, UniqueViolation, type Write, WriteSet } from './write-set.js';
