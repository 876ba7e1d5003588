// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.

export type Snapshot = {
  readonly id: string;
  /** Read at this commit sequence number: every participant shows the same prefix of commits. */
  readonly csn: number;
  readonly createdAt: string;
  /** Not earlier; later where leadership has changed. */
  readonly expiresAt: string;
};

export type SnapshotRequest = {
  /** Time until the lease ends by itself, in ms; it lasts longer where leadership changes. */
  readonly ttlMs: number;
};

export type Statuses = {
  readonly appliedCsn: number;
  readonly statuses: readonly (
    | {
        readonly status: 'committed';
        readonly csn: number;
      }
    | {
        readonly status: 'aborted';
      }
    | {
        readonly status: 'undecided';
      }
    | {
        readonly status: 'unknown';
      }
  )[];
};

export type StatusesRequest = {
  readonly transactionIds: readonly string[];
  readonly minCsn?: number;
  readonly linearizable?: boolean;
};
