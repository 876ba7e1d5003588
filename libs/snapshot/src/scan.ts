import { conditionOf, type Filter } from './filter.js';
import type { ReadContext } from './read.js';
import { definitions, list, quote, recordset } from './sql.js';
import { encodeKey, type Row, type VersionedTable } from './table.js';
import { answerOf, givenKeys, keyRows, versionsStatement } from './versions.js';
import { chooseVisible } from './visibility.js';
import type { WriteSet } from './write-set.js';

/** More rows may match a filter than the caller was ready to look at. */
export class ScanTooLarge extends Error {
  override readonly name = 'ScanTooLarge';
  constructor(
    readonly entity: string,
    readonly candidatesMax: number,
  ) {
    super(`more than ${candidatesMax} rows of ${entity} may match the filter`);
  }
}

/**
 * The rows of a snapshot that a filter matches, in the order of their keys, with the session's own writes laid over them
 * (the filter is put to those too) (S3).
 *
 * - Candidates are rows of which any version or intent matches. To look at the newest versions alone: an account is
 *   blue at 5 and red since 7; a reader at 5 that asks for blue ones must find it.
 * - Their visible version is chosen as in S1, and the filter put to that one again. Without: the account that was blue
 *   at 5 is red at 7; a reader at 7 finds the old version by the index, and answers with a red account.
 *
 * Nothing is missed when intents are read again: all that a snapshot holds was there, as intent or as version, before
 * the snapshot was given out.
 * @throws ScanTooLarge, and what `readKeys` throws
 */
export async function scan(
  context: ReadContext,
  table: VersionedTable,
  filter: Filter,
  candidatesMax: number,
  own?: WriteSet,
): Promise<readonly Row[]> {
  const { db, participant, snapshot, statuses } = context;
  const writes = own?.writesTo(table) ?? [];
  const condition = conditionOf(table, filter, 4);
  const ownParameter = `$${4 + condition.values.length}`;
  const statement = versionsStatement({
    table,
    keys: `SELECT ${list(table.key, 'v')} FROM ${quote(table.table)} v
      WHERE ${condition.sql} AND (v.csn IS NULL OR v.csn <= $2) GROUP BY ${list(table.key, 'v')} LIMIT $3`,
    matches: condition.sql,
    own: writes.length > 0 ? ownSource(table, ownParameter, condition.sql) : undefined,
  });
  const ownRows = writes.flatMap(({ row }) => (row ? [row] : []));
  const values = [participant, snapshot, candidatesMax + 1, ...condition.values];
  const raw = await db.query(statement, writes.length > 0 ? [...values, recordset(ownRows)] : values);
  const answer = answerOf(table, raw, snapshot);
  if (answer.candidates > candidatesMax) throw new ScanTooLarge(table.entity, candidatesMax);

  const readAgain = async (keys: readonly string[]) => {
    const text = versionsStatement({ table, keys: givenKeys(table), matches: condition.sql });
    const rows = await db.query(text, [participant, snapshot, keyRows(table, keys), ...condition.values]);
    return answerOf(table, rows, snapshot).found;
  };
  const visible = await chooseVisible(answer.found, { statuses, snapshot, readAgain });
  const overwritten = new Set(writes.map(({ key }) => encodeKey(table, key)));
  return answer.order.flatMap((key) => {
    const ownRow = answer.own.get(key);
    if (overwritten.has(key)) return ownRow ? [ownRow] : [];
    const version = visible.get(key);
    return version?.row && version.matches ? [version.row] : [];
  });
}

/** Rows of the write set, typed as those of the table, so that the database puts the filter to them as to all others. */
function ownSource(table: VersionedTable, parameter: string, where: string) {
  return { from: `jsonb_to_recordset(${parameter}::jsonb) AS v(${definitions(table, table.columns)})`, where };
}
