import { tableStatements, type VersionedTable } from '@concordat/snapshot';
import type { ClientBase } from 'pg';
import { VersionedEntityError } from './versioned-entities.js';

interface Found {
  readonly name: string;
  readonly type: string;
  readonly is_key: boolean;
}

/** Columns that make a row a version. */
const OWN_COLUMNS = new Set(['transaction_id', 'csn', 'deleted']);

/**
 * Makes the tables of versions, and adds to those that are there the columns that are missing. What cannot be done by
 * adding is refused, and nothing is changed: `VersionedEntityError` says what stands in the way.
 */
export async function migrateVersionedTables(
  client: ClientBase,
  participant: string,
  tables: readonly VersionedTable[],
): Promise<void> {
  await client.query('BEGIN');
  try {
    await checkOwner(client, participant);
    for (const table of tables) {
      const found = await findColumns(client, table.table);
      if (found.length > 0) {
        await checkOwned(client, table);
        await checkColumns(client, table, found);
      }
      for (const statement of tableStatements(table)) await client.query(statement);
      await noteUniques(client, participant, table, found.length > 0);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // the connection broke: the first error tells
    throw error;
  }
}

/** One global participant per database: unique values and collected snapshots are kept for all of its tables. */
async function checkOwner(client: ClientBase, participant: string): Promise<void> {
  const { rows } = await client.query(
    'SELECT participant, table_name FROM concordat_versioned_entity WHERE participant <> $1 LIMIT 1',
    [participant],
  );
  const [other] = rows;
  if (!other) return;
  throw new VersionedEntityError(
    `The table ${other.table_name} belongs to the participant "${other.participant}"; give "${participant}" a database of its own.`,
  );
}

async function checkOwned(client: ClientBase, { table, entity }: VersionedTable): Promise<void> {
  const { rows } = await client.query('SELECT entity FROM concordat_versioned_entity WHERE table_name = $1', [table]);
  if (rows[0]?.entity === entity) return;
  const whose = rows[0] ? `keeps the versions of ${rows[0].entity}` : 'was not made for versions';
  throw new VersionedEntityError(`The table ${table} ${whose}; name another for ${entity} in @VersionedEntity().`);
}

async function findColumns(client: ClientBase, table: string): Promise<Found[]> {
  const { rows } = await client.query<Found>(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, coalesce(a.attnum = ANY (i.indkey), false) AS is_key
       FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
      WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped`,
    [table],
  );
  return rows;
}

async function checkColumns(client: ClientBase, table: VersionedTable, found: readonly Found[]): Promise<void> {
  const fail = (problem: string) =>
    new VersionedEntityError(`The table ${table.table} cannot be brought in line with ${table.entity}: ${problem}.`);
  const there = new Map(found.map((column) => [column.name, column]));
  const wantedTypes = await typesOf(client, table);
  for (const { name, nullable, default: defaultSql } of table.columns) {
    const column = there.get(name);
    const isKey = table.key.includes(name);
    if (column === undefined) {
      if (isKey) throw fail(`the key column ${name} is missing, and no key can be added to rows that are there`);
      if (!nullable && defaultSql === undefined)
        throw fail(`the new column ${name} must be nullable or have a default`);
      continue;
    }
    if (column.type !== wantedTypes.get(name)) {
      throw fail(`the column ${name} is of type ${column.type}, not ${wantedTypes.get(name)}; migrate it yourself`);
    }
    if (column.is_key !== isKey) throw fail(`the column ${name} ${isKey ? 'is no' : 'is a'} part of its key`);
  }
  const wanted = new Set(table.columns.map(({ name }) => name));
  const surplus = found.find(({ name }) => !wanted.has(name) && !OWN_COLUMNS.has(name));
  if (surplus) throw fail(`the column ${surplus.name} is in no property; drop it, or keep it in the entity`);
}

/** The wanted types in the words of Postgres. */
async function typesOf(client: ClientBase, table: VersionedTable): Promise<ReadonlyMap<string, string>> {
  const columns = table.columns.map(({ name, type }) => `${client.escapeIdentifier(name)} ${type}`).join(', ');
  await client.query(`CREATE TEMPORARY TABLE concordat_wanted (${columns}) ON COMMIT DROP`);
  const { rows } = await client.query(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
      WHERE attrelid = 'pg_temp.concordat_wanted'::regclass AND attnum > 0`,
  );
  await client.query('DROP TABLE pg_temp.concordat_wanted');
  return new Map(rows.map(({ name, type }) => [name, type]));
}

/** Unique values are rows of their own: those of rows that are there already cannot be made up. */
async function noteUniques(
  client: ClientBase,
  participant: string,
  { table, entity, uniques }: VersionedTable,
  existed: boolean,
): Promise<void> {
  const text = JSON.stringify(uniques);
  if (existed) {
    const { rows } = await client.query(
      `SELECT uniques = $2::jsonb AS same FROM concordat_versioned_entity WHERE table_name = $1`,
      [table, text],
    );
    const any = rows[0]?.same
      ? { rowCount: 0 }
      : await client.query(`SELECT 1 FROM ${client.escapeIdentifier(table)} LIMIT 1`);
    if (any.rowCount !== 0) {
      throw new VersionedEntityError(`The unique constraints of ${entity} changed, and ${table} has rows already.`);
    }
  }
  await client.query(
    `INSERT INTO concordat_versioned_entity (table_name, entity, participant, uniques) VALUES ($1, $2, $3, $4)
     ON CONFLICT (table_name) DO UPDATE SET uniques = excluded.uniques`,
    [table, entity, participant, text],
  );
}
