import type { Reason } from '@concordat/protocol';
import type { BranchAction } from './decisions.js';
import type { CancelCause, Execution } from './execution.js';
import { ownReason } from './votes.js';

/** What became of a prepare, or of an operation that was executed at once, on its way to an answer. */
export interface Refused {
  readonly kind: 'refused';
  readonly reason: Reason;
  /** An error that the author of the operation did not foresee. */
  readonly poison?: unknown;
}

export type PrepareOutcome =
  /** Durable; the encoded vote holds the results. */
  | { readonly kind: 'prepared'; readonly vote: string }
  /** Another copy of the transaction, run by another owner or before a restart, is durably prepared. */
  | { readonly kind: 'prepared-elsewhere' }
  | { readonly kind: 'read-only'; readonly vote: string }
  | Refused
  /** No vote: rolled back, decided already, or another copy is still at work and will vote. */
  | Silent;

export interface Silent {
  readonly kind: 'silent';
}

export const refused = (code: Parameters<typeof ownReason>[0], message: string, retryable = true): Refused => ({
  kind: 'refused',
  reason: ownReason(code, message, retryable),
});

/** The vote for a prepare that is refused without being executed. */
export function reasonOfAction(action: BranchAction): Reason | undefined {
  switch (action) {
    case 'refuse-below-horizon':
      return ownReason('below-horizon', 'The transaction was forgotten before this prepare came.', false);
    case 'refuse-stale-incarnation':
      return ownReason('stale-incarnation', 'The transaction belongs to an earlier incarnation of the cluster.', true);
    case 'refuse-already-rolled-back':
      return ownReason('already-rolled-back', 'The rollback came before this prepare.', true);
    default:
      return undefined;
  }
}

export const cancelled = ({ cancelledBy }: Execution): Refused | Silent => refusedByCancel(cancelledBy ?? 'stopping');

export function refusedByCancel(cause: CancelCause): Refused | Silent {
  switch (cause) {
    case 'rollback':
      return { kind: 'silent' };
    case 'deadline':
      return refused('deadline-exceeded', 'The deadline passed before the branch was prepared.');
    case 'stopping':
      return refused('prepare-not-possible', 'The participant is stopping.');
  }
}
