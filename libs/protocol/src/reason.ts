import { z } from 'zod';

/**
 * Why a branch refused or a transaction aborted. `code` is stable: either one of `ABORT_REASONS` or a code that the
 * participant chose (for example `insufficient-funds`). `retryable` says whether a new transaction with the same work
 * may succeed.
 */
export const reasonSchema = z.object({
  code: z.string().min(1).max(100),
  message: z.string().max(2000),
  retryable: z.boolean(),
  participant: z.string().max(100).optional(),
  branchId: z.string().max(10).optional(),
});
export type Reason = z.infer<typeof reasonSchema>;

/** Abort reasons given by Concordat itself; participants add codes of their own. */
export const ABORT_REASONS = {
  'rolled-back': 'The caller rolled the transaction back.',
  'deadline-exceeded': 'The deadline passed before every participant had prepared.',
  'leader-changed': 'The coordinator that drove the transaction lost leadership before it was decided.',
  'coordinator-stopping': 'The coordinator stopped gracefully before the transaction was decided.',
  'participant-restarted': 'A participant restarted after preparing and no longer holds the results of its work.',
  'operation-failed': 'An operation failed in a way that its author did not foresee.',
  'operation-unknown': 'The participant has no such operation.',
  'input-invalid': 'The participant rejected the input of an operation.',
  'lock-timeout': 'Another transaction held a needed lock for too long.',
  'serialization-failure': 'Another transaction changed the same data first.',
  'message-invalid': 'The participant could not read the prepare message.',
  'below-horizon': 'The prepare came after the transaction had been forgotten.',
  'already-rolled-back': 'The rollback reached the participant before the prepare did.',
  'stale-incarnation': 'The transaction belongs to an earlier incarnation of the cluster than the participant knows.',
  'prepare-not-possible': 'The participant database cannot prepare transactions at the moment.',
  restored:
    'The cluster was restored from a backup that did not hold the decision; the outcome is what the participants know.',
  'outcome-lost':
    'The cluster was restored from a backup taken before the decision; every participant has finished and forgotten it.',
  'snapshot-too-old': 'Versions that the snapshot needs have been collected.',
  'snapshot-in-future': 'The participant has not heard that the coordinator has applied that much.',
  'participant-busy': 'The participant has no room for another session.',
  'resolved-by-operator': 'An operator has ended it; see GET /v1/operator-actions.',
  hazard: 'A participant contradicts the decision.',
} as const;
export type AbortReasonCode = keyof typeof ABORT_REASONS;
