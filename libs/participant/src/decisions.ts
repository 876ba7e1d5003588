import type { BranchCommand } from '@concordat/protocol';

/**
 * What a participant does about a command: the whole protocol of a branch in one table.
 *
 * Owns nothing and does no I/O. Commands may come in any order and any number of times; the table gives every
 * command in every state of the branch exactly one action, and no action changes what was decided before.
 */

/**
 * What is known of a branch.
 * - `absent`: neither a branch row nor a prepared transaction, as far as this participant can see;
 * - `executing`: this process is running its operations, nothing is prepared yet;
 * - `prepared`: durably prepared, undecided;
 * - `committed` / `aborted`: decided, the branch row tells.
 */
export type BranchState = 'absent' | 'executing' | 'prepared' | 'committed' | 'aborted';

export interface Circumstances {
  /** The id is below the horizon H: forgotten by the coordinator after every branch was done (D7). */
  readonly belowHorizon: boolean;
  /** The id belongs to a lower incarnation than the highest seen (D1). */
  readonly staleIncarnation: boolean;
  /** The rollback says "unknown to me" instead of "aborted" (D6). */
  readonly presumed: boolean;
}

export type BranchAction =
  | 'execute'
  | 'ignore'
  | 'repeat-vote'
  | 'refuse-below-horizon'
  | 'refuse-stale-incarnation'
  | 'refuse-already-rolled-back'
  | 'commit-prepared'
  | 'rollback-prepared'
  /** Ends the running operations, then looks again. */
  | 'cancel-execution'
  /** Leaves an abort row, so that a prepare that comes later finds the transaction decided (S8). */
  | 'leave-abort-row'
  | 'done-committed'
  | 'done-rolled-back'
  /** The state of this participant contradicts the decision: told, never hidden. */
  | 'done-hazard';

type Cell = BranchAction | ((circumstances: Circumstances) => BranchAction);

const TABLE: Readonly<Record<BranchCommand['type'], Readonly<Record<BranchState, Cell>>>> = {
  prepare: {
    absent: ({ staleIncarnation, belowHorizon }) =>
      staleIncarnation ? 'refuse-stale-incarnation' : belowHorizon ? 'refuse-below-horizon' : 'execute',
    executing: 'ignore',
    prepared: 'repeat-vote',
    committed: 'ignore',
    aborted: 'refuse-already-rolled-back',
  },
  commit: {
    // S8: rows below H are collected, so their absence proves nothing; above it a commit without a row is a hazard.
    absent: ({ belowHorizon }) => (belowHorizon ? 'done-committed' : 'done-hazard'),
    // Another owner of the partition may have prepared what this process only begins to run.
    executing: 'commit-prepared',
    prepared: 'commit-prepared',
    committed: 'done-committed',
    aborted: 'done-hazard',
  },
  rollback: {
    // Below H no prepare is executed any more, so nothing needs to be left against it.
    absent: ({ belowHorizon }) => (belowHorizon ? 'done-rolled-back' : 'leave-abort-row'),
    executing: 'cancel-execution',
    prepared: 'rollback-prepared',
    // "Unknown" contradicts nothing: it answers a late copy of a vote whose transaction is committed and forgotten.
    // Only a branch that is prepared may take it for an abort (D6).
    committed: ({ presumed }) => (presumed ? 'done-committed' : 'done-hazard'),
    aborted: 'done-rolled-back',
  },
};

export function decide(command: BranchCommand['type'], state: BranchState, circumstances: Circumstances): BranchAction {
  const cell = TABLE[command][state];
  return typeof cell === 'function' ? cell(circumstances) : cell;
}
