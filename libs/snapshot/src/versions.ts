/** The statement of S1, shared by reads of ids and by scans: one statement, so one moment for all that it returns. */
import { ConcordatError } from '@concordat/protocol';
import type { QueryAnswer } from './database.js';
import { definitions, list, quote, recordset, sameKey, selected } from './sql.js';
import { decodeKey, encodeKey, keyColumnsOf, keyOf, type Row, type VersionedTable } from './table.js';
import type { Found } from './visibility.js';

/** Columns that the statement adds to those of the entity; no column of an entity is called like this. */
const OWN = 'concordat.own';
const GC_CSN = 'concordat.gc_csn';
const CANDIDATES = 'concordat.candidates';
const TRANSACTION_ID = 'concordat.transaction_id';
const IS_INTENT = 'concordat.is_intent';
const DELETED = 'concordat.deleted';
const MATCHES = 'concordat.matches';

export interface Answer {
  readonly found: ReadonlyMap<string, Found>;
  /** How many keys were looked up. */
  readonly candidates: number;
  /** Rows of the session's own write set that match, by encoded key. */
  readonly own: ReadonlyMap<string, Row>;
  /** All keys in the order of the key columns. */
  readonly order: readonly string[];
}

export interface Source {
  readonly table: VersionedTable;
  /** Query whose rows are keys, under the names of the key columns. */
  readonly keys: string;
  /** Condition on `v`. */
  readonly matches: string;
  /** FROM item `v` and condition for rows of the session's own. */
  readonly own?: { readonly from: string; readonly where: string } | undefined;
}

/**
 * The intent and the newest version at or below $2 of each key, at participant $1.
 *
 * In two statements, T is finalised between them: the first finds its version not there yet, the second finds its
 * intent gone, and T is lost from a snapshot that holds it. `gc_csn` is read in the same statement too: looked at
 * before, the version that the snapshot needs is collected in between, and an older row, or none, is taken for true (S7).
 *
 * The filter is put to each version here and looked at only once the visible one is chosen (S3): a row whose older
 * version matches is a candidate, and no answer unless the version that the snapshot shows matches too.
 */
export function versionsStatement({ table, keys, matches, own }: Source): string {
  const versions = (condition: string) =>
    `SELECT v.*, (${matches}) AS "${MATCHES}" FROM ${quote(table.table)} v WHERE ${sameKey(table, 'v', 'w')} AND ${condition}`;
  const control = (transactionId: string, intent: string, deleted: string, match: string) =>
    `${transactionId} AS "${TRANSACTION_ID}", ${intent} AS "${IS_INTENT}", ${deleted} AS "${DELETED}", ${match} AS "${MATCHES}"`;
  const ownRows = own
    ? `UNION ALL SELECT true, 0, 0, ${control("''", 'false', 'false', 'true')}, ${selected(table, 'v')}
       FROM ${own.from} WHERE ${own.where}`
    : '';
  return `WITH wanted AS MATERIALIZED (${keys})
    SELECT false AS "${OWN}", g.gc_csn AS "${GC_CSN}", g.candidates AS "${CANDIDATES}",
      ${control('v.transaction_id', 'v.csn IS NULL', 'v.deleted', `v."${MATCHES}"`)}, ${selected(table, 'v')}
    FROM (SELECT (SELECT gc_csn FROM concordat_participant WHERE participant = $1) AS gc_csn,
                 (SELECT count(*) FROM wanted) AS candidates) g
    LEFT JOIN (wanted w CROSS JOIN LATERAL (
      (${versions('v.csn IS NULL')})
      UNION ALL
      (${versions('v.csn <= $2')} ORDER BY v.csn DESC LIMIT 1)
    ) v) ON true
    ${ownRows}
    ORDER BY ${list(table.key)}`;
}

/** @throws ConcordatError `snapshot-too-old` */
export function answerOf(table: VersionedTable, { rows }: QueryAnswer, snapshot: number): Answer {
  const found = new Map<string, Found>();
  const own = new Map<string, Row>();
  const order = new Set<string>();
  let candidates = 0;
  for (const raw of rows) {
    const gcCsn = Number(raw[GC_CSN] ?? 0);
    if (gcCsn > snapshot) throw tooOld(snapshot, gcCsn);
    candidates = Math.max(candidates, Number(raw[CANDIDATES]));
    if (raw[TRANSACTION_ID] === null) continue; // no version of anything
    const row = rowOf(table, raw);
    const key = encodeKey(table, keyOf(table, row));
    order.add(key);
    if (raw[OWN] === true) {
      own.set(key, row);
      continue;
    }
    const version = {
      row: raw[DELETED] === true ? null : row,
      transactionId: String(raw[TRANSACTION_ID]),
      matches: raw[MATCHES] === true,
    };
    found.set(key, { ...found.get(key), ...(raw[IS_INTENT] === true ? { intent: version } : { version }) });
  }
  return { found, candidates, own, order: [...order] };
}

/**
 * The keys that parameter $3 names, in the form of `keyRows`. (One value, of which the planner expects the same whatever
 * it is: of an array it would look at the length, take every plan for better than the one it keeps, and plan each time.)
 */
export const givenKeys = (table: VersionedTable): string =>
  `SELECT * FROM jsonb_to_recordset($3::jsonb) AS k(${definitions(table, keyColumnsOf(table))})`;

export const keyRows = (table: VersionedTable, encoded: readonly string[]): string =>
  recordset(
    encoded.map((key) => Object.fromEntries(decodeKey(key).map((value, position) => [table.key[position], value]))),
  );

const tooOld = (snapshot: number, gcCsn: number): ConcordatError =>
  new ConcordatError(
    'snapshot-too-old',
    `The snapshot ${snapshot} lies below ${gcCsn}, up to which garbage was collected.`,
  );

const rowOf = (table: VersionedTable, raw: Record<string, unknown>): Row =>
  Object.fromEntries(table.columns.map(({ name }) => [name, raw[name]]));
