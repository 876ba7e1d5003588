import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { abandon, columnList, columnsOf, connectForSnapshot } from './connection.js';
import { SNAPSHOT_FORMAT, type SnapshotHeader, type TableSource, writeSnapshot } from './snapshot-format.js';
import { isKnownTo, SNAPSHOT_TABLES } from './tables.js';

/** A snapshot that is being read. Read `chunks` to the end, or call `close`; either lets go of the database. */
export interface StateExport {
  readonly header: SnapshotHeader;
  readonly chunks: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** The database holds no coordinator's state. */
export class NoStateError extends Error {
  override readonly name = 'NoStateError';
}

const UNDEFINED_TABLE = '42P01';

/** Text forms that do not depend on how the server is set up. */
const BEGIN_SQL = `
  BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
  SET LOCAL client_encoding = 'UTF8';
  SET LOCAL datestyle = 'ISO, YMD';
  SET LOCAL timezone = 'UTC';
  SET LOCAL statement_timeout = 0;
  SET LOCAL idle_in_transaction_session_timeout = 0`;

/**
 * Reads the whole state in one REPEATABLE READ transaction while others go on writing. The state is fixed when this
 * returns; rows leave the database at the pace at which the chunks are taken. What some member does not know yet is left out.
 */
export async function exportState(databaseUrl: string): Promise<StateExport> {
  const client = await connectForSnapshot(databaseUrl);
  try {
    await client.query(BEGIN_SQL);
    const header = await readHeader(client);
    const tables: TableSource[] = [];
    const format = await oldestFormat(client);
    for (const name of SNAPSHOT_TABLES) {
      if (isKnownTo(format, name)) tables.push(await tableSource(client, name, format));
    }
    const close = once(() => abandon(client));
    return { header, chunks: closing(writeSnapshot(header, tables), close), close };
  } catch (error) {
    await abandon(client);
    throw error;
  }
}

async function readHeader(client: pg.Client): Promise<SnapshotHeader> {
  const { rows } = await client
    .query<Record<string, string | null>>(
      `SELECT applied_index, applied_term, incarnation, published_index, pruned_through, reconciliation,
            to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS taken_at
       FROM coordinator_state`,
    )
    .catch((error: { code?: string }) => {
      if (error.code === UNDEFINED_TABLE) return { rows: [] };
      throw error;
    });
  const [row] = rows;
  if (!row) throw new NoStateError('the database holds no state of a coordinator yet');
  return {
    format: SNAPSHOT_FORMAT,
    index: Number(row.applied_index),
    term: Number(row.applied_term),
    incarnation: Number(row.incarnation),
    publishedIndex: Number(row.published_index),
    prunedThrough: row.pruned_through ?? null,
    reconciliation: (row.reconciliation ?? null) as SnapshotHeader['reconciliation'],
    takenAt: row.taken_at as string,
  };
}

/** What every member of the cluster understands, the one that the snapshot may be for included: it was recorded before. */
async function oldestFormat(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ format: number | null }>(
    'SELECT min(format_version) AS format FROM member WHERE NOT removed',
  );
  return rows[0]?.format ?? Number.POSITIVE_INFINITY;
}

async function tableSource(client: pg.Client, name: string, format: number): Promise<TableSource> {
  const columns = (await columnsOf(client, name)).filter((column) => isKnownTo(format, `${name}.${column}`));
  return { name, columns, rows: () => client.query(copyTo(`COPY ${name} (${columnList(columns)}) TO STDOUT`)) };
}

async function* closing(chunks: AsyncIterable<Uint8Array>, close: () => Promise<void>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } finally {
    await close();
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
