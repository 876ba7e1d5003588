// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.

import type { Transaction } from './everywhere.js';

export type BeginRequest = {
  /** Left out: `local` when branches are named and all their participants are local, else `global`. */
  readonly isolation?: 'local' | 'global';
  /** True: as if serializable transactions ran one after the other. All participants must be global. */
  readonly serializable?: boolean;
  /** Time until an undecided transaction is aborted, in ms; 30000 when left out. */
  readonly timeoutMs?: number;
  /** Free text for people and for searching. */
  readonly label?: string;
  readonly branches?: readonly BranchRequest[];
  /** True: begin, enlist and commit in this one call. */
  readonly commit?: boolean;
  /** `decided`: the outcome is settled and durable. `completed`: every branch is finalised as well. */
  readonly wait?: 'decided' | 'completed';
};

export type BranchRequest = {
  readonly participant: string;
  readonly operation: string;
  /** Any JSON, nested at most 64 deep; the operation's JSON Schema decides. */
  readonly input: unknown;
};

export type EndRequest = {
  /** `decided`: the outcome is settled and durable. `completed`: every branch is finalised as well. */
  readonly wait?: 'decided' | 'completed';
};

export type Timeline = {
  readonly transactionId: string;
  /** False where the replica that answers has seen nothing of it, or has forgotten it. */
  readonly known: boolean;
  /** False where an earlier leader began it: times count from when this one took it up. */
  readonly fromBegin: boolean;
  /** Whether there were more steps than are kept. */
  readonly cut: boolean;
  readonly marks: readonly {
    readonly step:
      | 'begun'
      | 'sent-execute'
      | 'executed'
      | 'sent-prepare'
      | 'vote'
      | 'settled'
      | 'decided'
      | 'sent-commit'
      | 'sent-rollback'
      | 'done'
      | 'completed';
    /** Since the first one, in ms, with fractions. */
    readonly atMs: number;
    readonly participant?: string;
    /** The vote, or how it ended there. */
    readonly detail?: string;
  }[];
};

export type TransactionList = {
  readonly items: readonly Transaction[];
  /** Pass it as `cursor` for the next page; null at the end. */
  readonly nextCursor: string | null;
};
