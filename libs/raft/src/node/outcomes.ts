import type { DropReason } from '../core/ready.js';

/** What became of a proposal. */
export type ProposalOutcome<Result = unknown> =
  /** Committed, applied here, and applied everywhere in time. */
  | { readonly outcome: 'committed'; readonly index: number; readonly term: number; readonly result: Result }
  /** Certainly not committed, now or later: it may be proposed again. */
  | { readonly outcome: 'dropped'; readonly reason: ProposalDropReason }
  /** Certainly not committed: this node does not lead. `leader` is who does, as far as is known. */
  | { readonly outcome: 'not-leader'; readonly leader: number | undefined }
  /** In the log at this place, but it is unknown whether it is, or will be, committed. */
  | { readonly outcome: 'uncertain'; readonly index: number; readonly term: number; readonly reason: UncertainReason };

export type ProposalDropReason =
  | Exclude<DropReason, 'no-leader' | 'forwarding-disabled'>
  /** More is pending here than the bounds allow. */
  | 'overloaded'
  /** Another entry was committed in its place. */
  | 'replaced'
  /** A change of the membership, while another was under way or against the rules. */
  | 'change-refused'
  | 'closed';

export type UncertainReason = 'leadership-lost' | 'snapshot-installed' | 'closed' | 'failed';

/** What became of a linearizable read. */
export type ReadOutcome =
  /** The state here is now at least as new as the moment of the call; `index` is what it had to reach. */
  | { readonly outcome: 'ready'; readonly index: number }
  | { readonly outcome: 'not-confirmed'; readonly reason: 'no-leader' | 'timeout' | 'overloaded' | 'closed' };

/** The node met something after which it must not go on; `cause` says what. Restart the process. */
export class RaftNodeFailedError extends Error {
  readonly code = 'raft-node-failed';
  readonly retryable = false;
  override readonly name = 'RaftNodeFailedError';

  constructor(
    readonly id: number,
    cause: unknown,
  ) {
    super(`raft node ${id} has stopped: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** A call that can never succeed, such as an empty proposal. */
export class RaftNodeUsageError extends Error {
  readonly code = 'raft-node-usage';
  readonly retryable = false;
  override readonly name = 'RaftNodeUsageError';
}
