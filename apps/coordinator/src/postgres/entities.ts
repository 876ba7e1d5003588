import type { Isolation, OperationDescriptor, Reason } from '@concordat/protocol';
import type { BranchRecord, TransactionStatus } from '@concordat/transaction';
import { Column, Entity, PrimaryColumn, type ValueTransformer } from 'typeorm';

/** Postgres sends bigint as text; every number kept here is a safe integer by construction (ids, CSNs, log indices). */
export const integer: ValueTransformer = {
  to: (value: number | null | undefined) => value,
  from: (value: string | null) => (value === null ? null : Number(value)),
};

/** Unix ms in the program, timestamptz in the table. */
export const instant: ValueTransformer = {
  to: (value: number | null | undefined) => (typeof value === 'number' ? new Date(value) : value),
  from: (value: Date | null) => (value === null ? null : value.getTime()),
};

/** The one row that says how far this database has followed the decision log, and which log that is. */
@Entity('coordinator_state')
export class CoordinatorStateEntity {
  /** Always true: the primary key admits no second row. */
  @PrimaryColumn({ type: 'boolean' }) singleton!: true;
  @Column({ type: 'text', name: 'member_id' }) memberId!: string;
  @Column({ type: 'bigint', transformer: integer }) incarnation!: number;
  @Column({ type: 'bigint', name: 'applied_index', transformer: integer }) appliedIndex!: number;
  @Column({ type: 'bigint', name: 'applied_term', transformer: integer }) appliedTerm!: number;
  @Column({ type: 'bigint', name: 'published_index', transformer: integer }) publishedIndex!: number;
  @Column({ type: 'text', name: 'pruned_through', nullable: true }) prunedThrough!: string | null;
  /** After a restore: whether transactions of earlier incarnations wait for the word of their participants. */
  @Column({ type: 'text', nullable: true }) reconciliation!: 'pending' | 'done' | null;
  /** Random name of the process that wrote last: tells a lost acknowledgement of one's own from a second writer. */
  @Column({ type: 'text', nullable: true }) writer!: string | null;
}

/**
 * One transaction. Ids are ordered by their three parts, never as text, so the parts have columns of their own.
 * `reason` and `branches` are json and not jsonb: what participants say is given back to the letter, including what
 * jsonb refuses (`\u0000`, lone surrogates), and one odd result can never stop the persistence of all others.
 */
@Entity('transaction')
export class TransactionEntity {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'bigint', transformer: integer }) incarnation!: number;
  @Column({ type: 'bigint', transformer: integer }) term!: number;
  @Column({ type: 'bigint', transformer: integer }) sequence!: number;
  @Column({ type: 'text' }) status!: TransactionStatus;
  @Column({ type: 'text', nullable: true }) outcome!: 'committed' | 'aborted' | null;
  @Column({ type: 'text' }) isolation!: Isolation;
  @Column({ type: 'boolean' }) serializable!: boolean;
  @Column({ type: 'text', nullable: true }) label!: string | null;
  @Column({ type: 'text' }) caller!: string;
  @Column({ type: 'bigint', nullable: true, transformer: integer }) csn!: number | null;
  @Column({ type: 'bigint', nullable: true, transformer: integer }) snapshot!: number | null;
  @Column({ type: 'timestamptz', name: 'created_at', transformer: instant }) createdAt!: number;
  @Column({ type: 'timestamptz', name: 'deadline_at', transformer: instant }) deadlineAt!: number;
  @Column({ type: 'timestamptz', name: 'decided_at', nullable: true, transformer: instant }) decidedAt!: number | null;
  @Column({ type: 'timestamptz', name: 'completed_at', nullable: true, transformer: instant })
  completedAt!: number | null;
  @Column({ type: 'bigint', name: 'decided_index', nullable: true, transformer: integer }) decidedIndex!: number | null;
  /** `toIndex` of the batch that wrote the row last: at or above the index of every change the row shows. */
  @Column({ type: 'bigint', name: 'persisted_index', transformer: integer }) persistedIndex!: number;
  @Column({ type: 'json', nullable: true }) reason!: Reason | null;
  @Column({ type: 'json' }) branches!: BranchRecord[];
  @Column({ type: 'text', array: true }) participants!: string[];
}

/** A caller's key, bound to one request and one transaction (D8). */
@Entity('idempotency_key')
export class IdempotencyKeyEntity {
  @PrimaryColumn({ type: 'text' }) caller!: string;
  @PrimaryColumn({ type: 'text' }) key!: string;
  @Column({ type: 'text', name: 'request_hash' }) requestHash!: string;
  @Column({ type: 'text', name: 'transaction_id' }) transactionId!: string;
  @Column({ type: 'timestamptz', name: 'created_at', transformer: instant }) createdAt!: number;
}

/** A participant as it last announced itself. */
@Entity('participant')
export class ParticipantEntity {
  @PrimaryColumn({ type: 'text' }) name!: string;
  @Column({ type: 'text' }) isolation!: Isolation;
  @Column({ type: 'json' }) operations!: OperationDescriptor[];
  @Column({ type: 'timestamptz', name: 'registered_at', transformer: instant }) registeredAt!: number;
}

/** A replica of the cluster, as the log knows it; removed ones stay, since their ids never return. */
@Entity('member')
export class MemberEntity {
  @PrimaryColumn({ type: 'bigint', name: 'raft_id', transformer: integer }) raftId!: number;
  @Column({ type: 'bigint', name: 'node_id', transformer: integer }) nodeId!: number;
  @Column({ type: 'text' }) address!: string;
  @Column({ type: 'text' }) url!: string;
  @Column({ type: 'boolean' }) removed!: boolean;
  @Column({ type: 'integer', name: 'format_version' }) formatVersion!: number;
}

/** A contradiction that nobody has acknowledged. */
@Entity('open_hazard')
export class OpenHazardEntity {
  @PrimaryColumn({ type: 'text', name: 'transaction_id' }) transactionId!: string;
  @PrimaryColumn({ type: 'text' }) participant!: string;
  @Column({ type: 'text' }) kind!: 'contradiction' | 'unconfirmed';
  @Column({ type: 'text' }) outcome!: 'committed' | 'aborted';
  @Column({ type: 'bigint', nullable: true, transformer: integer }) csn!: number | null;
  @Column({ type: 'text' }) detail!: string;
  @Column({ type: 'timestamptz', name: 'raised_at', transformer: instant }) raisedAt!: number;
}

/** What an operator did; `id` is the CSN of its entry. */
@Entity('operator_action')
export class OperatorActionEntity {
  @PrimaryColumn({ type: 'bigint', transformer: integer }) id!: number;
  @Column({ type: 'timestamptz', transformer: instant }) at!: number;
  @Column({ type: 'text' }) actor!: string;
  @Column({ type: 'text' }) action!: string;
  @Column({ type: 'text' }) target!: string;
  @Column({ type: 'text', nullable: true }) reason!: string | null;
  @Column({ type: 'text', nullable: true }) outcome!: string | null;
}

/** A read snapshot that is leased. */
@Entity('leased_snapshot')
export class LeasedSnapshotEntity {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'bigint', transformer: integer }) csn!: number;
  @Column({ type: 'timestamptz', name: 'created_at', transformer: instant }) createdAt!: number;
  @Column({ type: 'bigint', name: 'ttl_ms', transformer: integer }) ttlMs!: number;
}
