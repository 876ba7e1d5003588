import type { OperatorAction, TransactionRecord } from '@concordat/transaction';

/**
 * Why something is in doubt (docs/in-doubt.md).
 * - hazard: a participant contradicts the decision, and nobody has acknowledged it;
 * - orphan: a participant holds a prepared branch of a transaction that nobody knows;
 * - reconciling: the cluster was restored, and participants have not told what became of it;
 * - participant-down: decided, and a participant that is down has not carried it out;
 * - finalising: decided, and not carried out everywhere;
 * - voting: participants are asked whether they can commit;
 * - unconfirmed: committed, and an operator has given up a branch before its participant answered.
 */
export const IN_DOUBT_CAUSES = [
  'hazard',
  'orphan',
  'reconciling',
  'participant-down',
  'finalising',
  'voting',
  'unconfirmed',
] as const;
export type InDoubtCause = (typeof IN_DOUBT_CAUSES)[number];

/** What a participant owes. */
export interface InDoubtBranch {
  readonly participant: string;
  /** What is waited for: its vote, its DONE, its word after a restore, or that an operator looks. */
  readonly awaits: 'vote' | 'done' | 'report' | 'operator';
  /** As far as it is known. */
  readonly status: string;
  readonly health: 'up' | 'down' | 'unknown';
  /** What it said last of what stands in the way. */
  readonly error: string | null;
}

export interface InDoubtItem {
  readonly id: string;
  readonly cause: InDoubtCause;
  readonly outcome: 'committed' | 'aborted' | null;
  readonly label: string | null;
  /** Unix ms: of the decision, the contradiction, the begin, or the first time that this leader heard of it. */
  readonly since: number;
  readonly branches: readonly InDoubtBranch[];
}

export interface InDoubtQuery {
  readonly participant?: string;
  readonly cause?: InDoubtCause;
  /** Leaves out what is younger, in ms, but for hazards. */
  readonly minAgeMs: number;
  readonly limit: number;
}

/** By a participant's own word. */
interface ParticipantDoubt {
  readonly name: string;
  readonly health: 'up' | 'down' | 'unknown';
  readonly preparedCount: number;
  readonly oldestInDoubtMs: number | null;
  readonly foreignPrepared?: number;
}

/** Who does it; the name stands in the audit trail. */
export interface Actor {
  readonly caller: string;
}

export interface InDoubtView {
  /** Unix ms: ages are counted up to here. */
  readonly now: number;
  /** Hazards first, then by age, the oldest first; what was given up comes last. */
  readonly items: readonly InDoubtItem[];
  /** How many there are in all. */
  readonly total: number;
  /** Those that hold something prepared. */
  readonly participants: readonly ParticipantDoubt[];
}

export interface ResolveRequest {
  readonly outcome: 'committed' | 'aborted';
  readonly reason: string;
}

/** What operators look at and do. Errors are `ConcordatError`s. */
export interface OperatorApi {
  /** At the leader. @throws not-ready */
  inDoubt(query: InDoubtQuery): Promise<InDoubtView>;
  /**
   * Ends what is in doubt, as far as D3 admits; repeated, it changes nothing and answers the same.
   * @throws resolve-refused, transaction-not-found, transaction-gone, not-ready
   */
  resolve(id: string, request: ResolveRequest, actor: Actor): Promise<TransactionRecord>;
  /** The audit trail, newest first. @param before only those with smaller ids */
  actions(limit: number, before?: number): Promise<OperatorAction[]>;
  /** Writes down what an operator does elsewhere; at the leader. Resolves when it is durable. @throws not-ready */
  note(act: Omit<OperatorAction, 'id' | 'at'>): Promise<OperatorAction>;
}
