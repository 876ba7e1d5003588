import type { VersionedTable } from './table.js';

/** Each value of a unique constraint is a versioned row of its own (S3), written and checked like any other. */
export const UNIQUE_TABLE: VersionedTable = {
  entity: 'concordat.unique',
  table: 'concordat_unique_version',
  key: ['entity', 'name', 'value'],
  columns: [
    { name: 'entity', type: 'text', nullable: false },
    { name: 'name', type: 'text', nullable: false },
    { name: 'value', type: 'text', nullable: false },
    { name: 'owner', type: 'text', nullable: false },
  ],
  indexes: [],
  uniques: [],
};

/** What all versioned tables of a participant share; idempotent. Run once, after the tables of the branches. */
export const SHARED_STATEMENTS: readonly string[] = [];

/** Makes the table of versions, its indexes and its guard, or brings them up to date; idempotent. */
export function tableStatements(_table: VersionedTable): readonly string[] {
  throw new Error('not written yet');
}
