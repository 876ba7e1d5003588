import type {
  AuditWindow,
  Cause,
  EventFact,
  RecordCounts,
  RecordFact,
  Said,
  Verdict,
  Violation,
} from '@concordat/audit';

/** What is to be audited; times are Unix ms. */
export interface AuditRequest {
  /** Replies from here on. */
  readonly fromMs: number | null;
  /** Replies before this. */
  readonly toMs: number | null;
  /** How long a transaction may be on its way, ms. */
  readonly settleMs: number;
  /** Who asked. */
  readonly actor: string;
}

export interface ViolationView {
  readonly transactionId: string;
  readonly verdict: Violation;
  /** What Kafka alone says. */
  readonly kafkaVerdict: Verdict;
  readonly causes: readonly Cause[];
  readonly participants: readonly { readonly name: string; readonly said: readonly Said[] }[];
  readonly events: readonly EventFact[];
  /** The coordinator's own; null: it has none, `unknown`: it could not be compared. */
  readonly record: RecordFact | null | 'unknown';
}

interface PartitionProgress {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly end: number;
  /** Records read of it so far. */
  readonly read: number;
}

export interface AuditProgress {
  readonly stage: 'planning' | 'map' | 'reduce' | 'done';
  readonly recordsRead: number;
  readonly recordsTotal: number;
  readonly partitions: readonly PartitionProgress[];
  readonly bucketsDone: number;
  readonly bucketsTotal: number;
}

export interface AuditTotals {
  readonly records: RecordCounts;
  readonly transactions: number;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** Incomplete transactions by their cause. */
  readonly incomplete: Readonly<Partial<Record<Cause, number>>>;
  /** Transactions compared with the coordinator's own record. */
  readonly compared: number;
  readonly violations: number;
}

export interface AuditSummary extends AuditRequest {
  readonly id: string;
  readonly status: 'running' | 'completed' | 'failed';
  /** NODE_ID of the replica that makes it and keeps it. */
  readonly nodeId: number;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
  /** Why it failed. */
  readonly failure: string | null;
  readonly totals: AuditTotals;
}

export interface AuditView extends AuditSummary {
  readonly progress: AuditProgress;
  /** What was read; null until all of it is. */
  readonly window: AuditWindow | null;
  /** Why there was no comparison with the coordinator's records; null where there was, or will be. */
  readonly notCompared: string | null;
  /** Ordered by transaction; at most as many as asked for. */
  readonly violations: readonly ViolationView[];
  /** Where the next page begins; null at the end. */
  readonly next: number | null;
}

/** Audits of this replica. Errors are `ConcordatError`s. */
export interface AuditApi {
  readonly nodeId: number;
  /** @throws ConcordatError audit-running, not-ready */
  start(request: AuditRequest): Promise<AuditView>;
  /** @throws ConcordatError audit-not-found, not-ready */
  read(id: string, page: { readonly limit: number; readonly offset: number }): Promise<AuditView>;
  /** Newest first. @throws ConcordatError not-ready */
  list(): AuditSummary[];
}

/** Nest injection token of the AuditApi. */
export const AUDIT_API = Symbol('AuditApi');
