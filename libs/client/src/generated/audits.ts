// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.

export type Audit = AuditSummary & {
  readonly progress: {
    readonly stage: 'planning' | 'map' | 'reduce' | 'done';
    readonly fraction: number;
    readonly recordsRead: number;
    readonly recordsTotal: number;
    readonly bucketsDone: number;
    readonly bucketsTotal: number;
    readonly partitions: readonly {
      readonly topic: string;
      readonly partition: number;
      readonly from: number;
      readonly end: number;
      readonly read: number;
    }[];
  };
  /** What was read; null until it is. */
  readonly window: {
    /** Before it replies may be missing; null: none are. */
    readonly repliesFrom: string | null;
    readonly repliesTo: string;
    readonly eventsFrom: string | null;
    readonly eventsTo: string;
  } | null;
  /** Why there was no comparison with the coordinator's records. */
  readonly notCompared: string | null;
  /** One page, ordered by transaction; 10000 are kept, all are counted. */
  readonly violations: readonly Violation[];
  readonly nextCursor: string | null;
};

export type AuditList = {
  readonly items: readonly AuditSummary[];
  readonly nextCursor: null;
  /** NODE_IDs of replicas that could not be asked for theirs. */
  readonly unreachable: readonly number[];
};

export type AuditRequest = {
  /** Audit what participants said from this time on; left out: all that is kept. */
  readonly from?: string;
  /** … and before this time; left out: until now. */
  readonly to?: string;
  /** How long a transaction may be on its way before what is missing counts, in ms; 900000 when left out. */
  readonly settleMs?: number;
};

export type AuditSummary = {
  readonly id: string;
  readonly status: 'running' | 'completed' | 'failed';
  /** NODE_ID of the replica that makes and keeps it; every replica answers for it. */
  readonly nodeId: number;
  readonly actor: string;
  readonly createdAt: string;
  readonly endedAt: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly settleMs: number;
  /** Why it failed; null otherwise. */
  readonly failure: string | null;
  /** Every record read, in exactly one of these. */
  readonly records: {
    readonly facts: number;
    readonly duplicates: number;
    readonly other: number;
    readonly unreadable: number;
    readonly unverifiable: number;
  };
  readonly transactions: number;
  readonly verdicts: {
    readonly mixed: number;
    readonly contradicting: number;
    readonly orphaned: number;
    readonly incomplete: number;
    readonly complete: number;
  };
  /** Incomplete transactions by their cause. */
  readonly incomplete: {
    readonly running: number;
    readonly cut: number;
    readonly unfinished: number;
  };
  /** Transactions compared with the coordinator's own record. */
  readonly compared: number;
  readonly violationsTotal: number;
};

export type Violation = {
  readonly transactionId: string;
  readonly verdict: 'mixed' | 'contradicting' | 'orphaned';
  /** By Kafka alone. */
  readonly kafkaVerdict: 'mixed' | 'contradicting' | 'orphaned' | 'incomplete' | 'complete';
  readonly causes: readonly string[];
  readonly participants: readonly {
    readonly name: string;
    readonly said: readonly ('prepared' | 'read-only' | 'refused' | 'committed' | 'rolled-back' | 'hazard')[];
  }[];
  readonly events: readonly {
    readonly outcome: 'committed' | 'aborted';
    readonly csn: number | null;
    readonly restored: boolean;
  }[];
  /** The coordinator's own; null: it has none; `unknown`: pruned, or not compared. */
  readonly record:
    | {
        readonly outcome: 'committed' | 'aborted' | null;
        readonly csn: number | null;
        readonly decidedAt: string | null;
        readonly restored: boolean;
      }
    | 'unknown'
    | null;
};
