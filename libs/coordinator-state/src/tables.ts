/** The tables that a snapshot carries beside the one row of `coordinator_state`, which its header stands for. */
export const SNAPSHOT_TABLES = [
  'transaction',
  'idempotency_key',
  'participant',
  'member',
  'leased_snapshot',
  'lock_hold',
  'lock_session',
  'open_hazard',
  'operator_action',
] as const;
export type SnapshotTable = (typeof SNAPSHOT_TABLES)[number];

/**
 * What came after the first version: a table, or a column as `table.column`, and the format of entries
 * (libs/transaction/src/formats.ts) with which it came. Snapshots of earlier versions do not have them, and those for members
 * of an earlier format must not: such a table is empty then, such a column has its default.
 */
const LATER: ReadonlyMap<string, number> = new Map([
  ['leased_snapshot', 2],
  ['lock_hold', 3],
  ['lock_session', 3],
  ['open_hazard', 3],
  ['operator_action', 3],
  ['member.format_version', 2],
]);

/** Whether readers of this format know a table, or a column given as `table.column`. */
export const isKnownTo = (format: number, name: string): boolean => (LATER.get(name) ?? 1) <= format;

/** Whether every snapshot has this table. */
export const isAlwaysThere = (table: SnapshotTable): boolean => !LATER.has(table);

export const isSnapshotTable = (name: string): name is SnapshotTable =>
  (SNAPSHOT_TABLES as readonly string[]).includes(name);
