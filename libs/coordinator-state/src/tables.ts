/** The tables that a snapshot carries beside the one row of `coordinator_state`, which its header stands for. */
export const SNAPSHOT_TABLES = ['transaction', 'idempotency_key', 'participant', 'member'] as const;
export type SnapshotTable = (typeof SNAPSHOT_TABLES)[number];

export const isSnapshotTable = (name: string): name is SnapshotTable =>
  (SNAPSHOT_TABLES as readonly string[]).includes(name);
