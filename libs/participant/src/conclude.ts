import type { CommitCommand, Done, RollbackCommand } from '@concordat/protocol';
import { type BranchAction, type BranchState, decide } from './decisions.js';
import type { Finalised } from './isolation.js';
import type { ParticipantState } from './participant-state.js';
import type { Surroundings } from './surroundings.js';

/** What is answered to a decision, given what was found durably; contradictions are told as hazards. */
export function conclude(
  command: CommitCommand | RollbackCommand,
  found: BranchState,
  state: ParticipantState,
  surroundings: Surroundings,
): Finalised {
  const action = decide(command.type, found, {
    belowHorizon: state.isBelowHorizon(command.transactionId, command.horizon),
    staleIncarnation: state.isStale(command.transactionId),
    presumed: command.type === 'rollback' && command.presumed,
  });
  const outcome = OUTCOME_OF[action];
  if (outcome === undefined) throw new Error(`${command.type} of a branch that is ${found} led to ${action}`);
  if (outcome !== 'hazard') return { outcome, detail: null };
  return hazard(command, `told to ${command.type} a branch that is ${found}`, surroundings);
}

/** Told, logged and counted; never hidden. */
export function hazard({ transactionId }: { transactionId: string }, detail: string, surroundings: Surroundings) {
  surroundings.metrics.hazards.inc();
  surroundings.logger.fatal({ transactionId }, `hazard: ${detail}`);
  return { outcome: 'hazard', detail } satisfies Finalised;
}

const OUTCOME_OF: Partial<Record<BranchAction, Done['outcome']>> = {
  'done-committed': 'committed',
  'done-rolled-back': 'rolled-back',
  'done-hazard': 'hazard',
};
