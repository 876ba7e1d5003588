import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { abandon, columnList, columnsOf, connectForSnapshot } from './connection.js';
import { readSnapshot, SnapshotFormatError, type SnapshotHeader, type SnapshotPart } from './snapshot-format.js';
import { isAlwaysThere, isSnapshotTable, SNAPSHOT_TABLES, type SnapshotTable } from './tables.js';

/** The one row of `coordinator_state` that the imported state gets. */
export interface StateRow {
  readonly memberId: string;
  readonly incarnation: number;
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  readonly publishedIndex: number;
  readonly prunedThrough: string | null;
  readonly reconciliation: SnapshotHeader['reconciliation'];
  readonly writer: string | null;
}

export interface ImportPlan {
  /** The row, once the header is known. */
  readonly state: (header: SnapshotHeader) => StateRow;
  /** What a column gets instead of what the snapshot has for it, as SQL; the column comes quoted. */
  readonly column?: (table: SnapshotTable, column: string, header: SnapshotHeader) => string;
  /** Called within the transaction of the swap, when the tables hold the snapshot and nobody else sees them yet. */
  readonly adjust?: (client: pg.Client, header: SnapshotHeader) => Promise<void>;
  /** Called within that transaction before anything is replaced; what it throws stops the import. */
  readonly check?: (client: pg.Client) => Promise<void>;
}

type Parts = AsyncGenerator<SnapshotPart, void>;

/** Columns that the snapshot has, per table; others get their defaults. */
type StagedColumns = Map<SnapshotTable, readonly string[]>;

/**
 * Replaces the state of a database by a snapshot. Rows go into staging tables, which nobody sees and which vanish with
 * the connection; when the trailer has vouched for all of them, one transaction puts them in place of the old rows. So
 * reads go on meanwhile, and whatever dies at whatever moment leaves the old state or the new one.
 *
 * The tables are emptied and filled, not exchanged for others, so that grants on them and views of them stay.
 * @throws SnapshotFormatError
 */
export async function importState(
  databaseUrl: string,
  chunks: AsyncIterable<Uint8Array>,
  plan: ImportPlan,
): Promise<SnapshotHeader> {
  const client = await connectForSnapshot(databaseUrl);
  const parts = readSnapshot(chunks);
  try {
    await client.query(`SET client_encoding = 'UTF8'; SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'`);
    await client.query('SET statement_timeout = 0');
    const { header, staged } = await stage(client, parts);
    await swap(client, header, staged, plan);
    await client.end();
    return header;
  } catch (error) {
    await abandon(client);
    throw error;
  } finally {
    await parts.return();
  }
}

async function stage(client: pg.Client, parts: Parts): Promise<{ header: SnapshotHeader; staged: StagedColumns }> {
  const staged: StagedColumns = new Map();
  let header: SnapshotHeader | undefined;
  for (;;) {
    const { value: part, done } = await parts.next();
    if (done) throw new SnapshotFormatError('the snapshot has no trailer');
    if (part.type === 'header') header = part.header;
    if (part.type === 'table') staged.set(await stageTable(client, part, parts), part.columns);
    if (part.type !== 'trailer') continue;
    const missing = SNAPSHOT_TABLES.find((name) => !staged.has(name) && isAlwaysThere(name));
    if (missing || !header) throw new SnapshotFormatError(`the snapshot lacks the table ${missing}`);
    return { header, staged };
  }
}

async function stageTable(
  client: pg.Client,
  { name, columns }: Extract<SnapshotPart, { type: 'table' }>,
  parts: Parts,
): Promise<SnapshotTable> {
  const newer = 'it was made by a newer version of Concordat';
  if (!isSnapshotTable(name)) throw new SnapshotFormatError(`the snapshot has an unknown table ${name}: ${newer}`);
  const known = await columnsOf(client, name);
  const unknown = columns.find((column) => !known.includes(column));
  if (unknown) throw new SnapshotFormatError(`the snapshot has an unknown column ${name}.${unknown}: ${newer}`);
  await client.query(`CREATE TEMP TABLE ${staging(name)} (LIKE ${name} INCLUDING DEFAULTS)`);
  const target = client.query(copyFrom(`COPY ${staging(name)} (${columnList(columns)}) FROM STDIN`));
  let told = 0;
  const rows = Readable.from(
    rowsUntilEnd(parts, (count) => {
      told = count;
    }),
    { objectMode: true, highWaterMark: 1 },
  );
  await pipeline(rows, target);
  if (target.rowCount !== told) {
    throw new SnapshotFormatError(`Postgres took ${target.rowCount} rows of ${name}, the snapshot has ${told}`);
  }
  return name;
}

async function* rowsUntilEnd(parts: Parts, onEnd: (rows: number) => void): AsyncGenerator<Buffer, void> {
  for (;;) {
    const { value: part, done } = await parts.next();
    if (done || part.type === 'header' || part.type === 'table' || part.type === 'trailer') {
      throw new SnapshotFormatError('the snapshot is damaged: a table has no end');
    }
    if (part.type === 'end') return onEnd(part.rows);
    yield part.data;
  }
}

async function swap(client: pg.Client, header: SnapshotHeader, staged: StagedColumns, plan: ImportPlan): Promise<void> {
  await client.query('BEGIN');
  await client.query(`LOCK TABLE ${['coordinator_state', ...SNAPSHOT_TABLES].join(', ')} IN ACCESS EXCLUSIVE MODE`);
  await plan.check?.(client);
  await client.query(`TRUNCATE ${['coordinator_state', ...SNAPSHOT_TABLES].join(', ')}`);
  for (const [name, columns] of staged) {
    const values = columns.map((column) => {
      const quoted = columnList([column]);
      return plan.column?.(name, quoted, header) ?? quoted;
    });
    await client.query(
      `INSERT INTO ${name} (${columnList(columns)}) SELECT ${values.join(', ')} FROM ${staging(name)}`,
    );
  }
  const row = plan.state(header);
  await client.query(
    `INSERT INTO coordinator_state (
       member_id, incarnation, applied_index, applied_term, published_index, pruned_through, reconciliation, writer)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      row.memberId,
      row.incarnation,
      row.appliedIndex,
      row.appliedTerm,
      row.publishedIndex,
      row.prunedThrough,
      row.reconciliation,
      row.writer,
    ],
  );
  await plan.adjust?.(client, header);
  await client.query('COMMIT');
}

const staging = (name: SnapshotTable): string => `pg_temp.staged_${name}`;
