/** The tables that a snapshot carries beside the one row of `coordinator_state`, which its header stands for. */
export const SNAPSHOT_TABLES = ['transaction', 'idempotency_key', 'participant', 'member', 'leased_snapshot'] as const;
export type SnapshotTable = (typeof SNAPSHOT_TABLES)[number];

/** Snapshots and backups of earlier versions do not have them: they are empty then. */
export const LATER_TABLES: ReadonlySet<SnapshotTable> = new Set(['leased_snapshot']);

export const isSnapshotTable = (name: string): name is SnapshotTable =>
  (SNAPSHOT_TABLES as readonly string[]).includes(name);
