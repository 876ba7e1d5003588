import type { Database } from './database.js';
import { encodeKey, type KeyValues, type Row, type VersionedTable } from './table.js';
import { answerOf, givenKeys, keyRows, versionsStatement } from './versions.js';
import { chooseVisible, type Found, type StatusSource } from './visibility.js';

/** Where and at which snapshot to read. S2 is the caller's: it has heard of an applied CSN >= `snapshot`. */
export interface ReadContext {
  readonly db: Database;
  readonly statuses: StatusSource;
  readonly participant: string;
  /** A CSN. */
  readonly snapshot: number;
}

/**
 * The rows that a snapshot shows, by encoded key; a key that has no visible row is not in the answer (S1).
 * @throws ConcordatError `snapshot-too-old` when versions that the snapshot needs were collected (S7)
 * @throws ConcordatError `snapshot-unavailable` when intents came and went faster than they could be asked about
 */
export async function readKeys(
  context: ReadContext,
  table: VersionedTable,
  keys: readonly KeyValues[],
): Promise<ReadonlyMap<string, Row>> {
  const { statuses, snapshot } = context;
  const readAgain = (encoded: readonly string[]) => findVersions(context, table, encoded);
  const found = await readAgain([...new Set(keys.map((key) => encodeKey(table, key)))]);
  const visible = await chooseVisible(found, { statuses, snapshot, readAgain });
  return new Map([...visible].map(([key, { row }]) => [key, row as Row]));
}

async function findVersions(
  { db, participant, snapshot }: ReadContext,
  table: VersionedTable,
  encoded: readonly string[],
): Promise<ReadonlyMap<string, Found>> {
  if (encoded.length === 0) return new Map();
  const statement = versionsStatement({ table, keys: givenKeys(table), matches: 'true' });
  const answer = await db.query(statement, [participant, snapshot, keyRows(table, encoded)]);
  return answerOf(table, answer, snapshot).found;
}
