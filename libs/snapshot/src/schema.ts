import { definitions, list, quote, typeOf } from './sql.js';
import { isKeyType, keyColumnsOf, type VersionedTable } from './table.js';

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

/** The columns that make a row a version. */
const RESERVED = ['transaction_id', 'csn', 'deleted'];
/** Postgres cuts longer names off, and two indexes would become one. */
const NAME_BYTES_MAX = 63;

/**
 * An endless stream of updates makes garbage as fast as it makes versions: vacuum comes by the number of dead rows, not
 * by a share of the table.
 */
const VACUUM = 'autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000';

/** What all versioned tables of a participant share; idempotent. Run once, after the tables of the branches. */
export const SHARED_STATEMENTS: readonly string[] = [
  // A branch is updated once, when it is finalised: room for that on the same page keeps its indexes out of it.
  `ALTER TABLE concordat_branch SET (fillfactor = 70),
     ADD COLUMN IF NOT EXISTS csn bigint, ADD COLUMN IF NOT EXISTS snapshot bigint, ADD COLUMN IF NOT EXISTS vote text,
     DROP CONSTRAINT IF EXISTS concordat_branch_state_check`,
  `ALTER TABLE concordat_branch ADD CONSTRAINT concordat_branch_state_check
     CHECK (state IN ('prepared', 'committed', 'aborted'))`,
  'ALTER TABLE concordat_participant ADD COLUMN IF NOT EXISTS gc_csn bigint NOT NULL DEFAULT 0',
  // Key '' is the whole table; no encoded key is empty.
  `CREATE TABLE IF NOT EXISTS concordat_read_mark (
     participant text COLLATE "C" NOT NULL, transaction_id text COLLATE "C" NOT NULL,
     entity text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
     PRIMARY KEY (participant, transaction_id, entity, key)) WITH (${VACUUM})`,
  'CREATE INDEX IF NOT EXISTS concordat_read_mark_key ON concordat_read_mark (participant, entity, key)',
  `CREATE OR REPLACE FUNCTION concordat_refuse_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     RAISE EXCEPTION 'rows of % are versions that transactions of Concordat write', TG_TABLE_NAME
       USING ERRCODE = 'insufficient_privilege', HINT = 'Write through the SDK.';
   END $$`,
  ...tableStatements(UNIQUE_TABLE),
];

/** Makes the table of versions, its indexes and its guard, or adds what is missing to them; idempotent. */
export function tableStatements(table: VersionedTable): readonly string[] {
  checkTable(table);
  const name = quote(table.table);
  const keys = keyColumnsOf(table);
  const index = (suffix: string) => quote(indexName(table, suffix));
  const additions = table.columns
    .filter((column) => !table.key.includes(column.name))
    .map((column) => {
      const initial = column.default === undefined ? '' : ` DEFAULT ${column.default}`;
      const check = column.nullable ? '' : ` CHECK (deleted OR ${quote(column.name)} IS NOT NULL)`; // a tombstone has none
      return `ADD COLUMN IF NOT EXISTS ${quote(column.name)} ${typeOf(table, column)}${initial}${check}`;
    });
  return [
    `CREATE TABLE IF NOT EXISTS ${name} (
       ${definitions(table, keys)}, transaction_id text COLLATE "C" NOT NULL, csn bigint, deleted boolean NOT NULL,
       PRIMARY KEY (transaction_id, ${list(table.key)})) WITH (${VACUUM})`,
    ...(additions.length > 0 ? [`ALTER TABLE ${name} ${additions.join(', ')}`] : []),
    // One intent per row: what two writers meet on (S4), and what readers look up beside the versions (S1).
    `CREATE UNIQUE INDEX IF NOT EXISTS ${index('intent')} ON ${name} (${list(table.key)}) WHERE csn IS NULL`,
    `CREATE UNIQUE INDEX IF NOT EXISTS ${index('order')} ON ${name} (${list(table.key)}, csn DESC) WHERE csn IS NOT NULL`,
    // By which garbage is found: it lies behind the versions that were committed since the last collection (S7).
    `CREATE INDEX IF NOT EXISTS ${index('csn')} ON ${name} (csn) WHERE csn IS NOT NULL`,
    ...table.indexes.map(
      (columns) => `CREATE INDEX IF NOT EXISTS ${index(`by_${columns.join('_')}`)} ON ${name} (${list(columns)})`,
    ),
    // Writes that bypass the rules would be seen by every snapshot at once, and by no conflict check.
    `CREATE OR REPLACE TRIGGER concordat_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${name}
       FOR EACH STATEMENT WHEN (current_setting('concordat.writer', true) IS DISTINCT FROM 'on')
       EXECUTE FUNCTION concordat_refuse_write()`,
  ];
}

function checkTable(table: VersionedTable): void {
  const names = table.columns.map(({ name }) => name);
  const refuse = (reason: string): never => {
    throw new TypeError(`${table.entity}: ${reason}`);
  };
  if (table.key.length === 0) refuse('a versioned table needs a key');
  for (const name of names) if (RESERVED.includes(name)) refuse(`a column cannot be called ${name}`);
  if (new Set(names).size < names.length) refuse('two columns have the same name');
  for (const column of keyColumnsOf(table)) {
    if (!isKeyType(column)) refuse(`${column.name} of type ${column.type} cannot be part of a key`);
  }
  for (const name of [...table.indexes.flat(), ...table.uniques.flatMap(({ columns }) => columns)]) {
    if (!names.includes(name)) refuse(`there is no column ${name}`);
  }
}

function indexName(table: VersionedTable, suffix: string): string {
  const name = `${table.table}_${suffix}`;
  if (new TextEncoder().encode(name).length <= NAME_BYTES_MAX) return name;
  throw new TypeError(`${table.entity}: the name of the index ${name} is longer than ${NAME_BYTES_MAX} bytes`);
}
