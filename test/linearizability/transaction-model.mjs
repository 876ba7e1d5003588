// What a transaction may do, as a state machine for the linearizability checker: one transaction is one key.
//
//   absent → active → preparing → committed → completed
//              └─────────┴──────▶ aborted ──────┘
//
// Calls make some of these steps (begin, enlist, the wish to commit); the system makes the others by itself, at any time: it
// prepares and decides what was asked to commit, aborts whatever is undecided (deadlines, leaders that change), completes what
// is decided. So an observation is explained where the system can get from the state to what was seen. It takes no step more
// than that: whatever can be reached from a later state can be reached from an earlier one.

const ABSENT = { phase: 'absent', branches: 0, commitWanted: false, outcome: undefined };

/**
 * @typedef {{ status: string, csn: number | null, outcomeReason: unknown, branches: unknown[] }} View as REST shows a transaction
 * @typedef {(
 *   | { call: 'begin', branches: number }
 *   | { call: 'enlist' }
 *   | { call: 'want-commit' }
 *   | { call: 'see', phase?: string, outcome?: string, branches?: number }
 * )} Input
 */

/** @type {import('./linearizability.mjs').Model<Input, typeof ABSENT>} */
export const transactionModel = {
  initial: ABSENT,
  step(state, input) {
    switch (input.call) {
      case 'begin':
        // Begun again under its Idempotency-Key it is the same transaction, however far it has come.
        return state.phase === 'absent' ? { ...state, phase: 'active', branches: input.branches } : state;
      case 'enlist':
        return state.phase === 'active' ? { ...state, branches: state.branches + 1 } : undefined;
      case 'want-commit':
        if (state.phase === 'absent') return undefined;
        return state.phase === 'active' ? { ...state, commitWanted: true } : state;
      case 'see':
        return see(state, input);
      default:
        throw new Error(`no call is ${JSON.stringify(input)}`);
    }
  },
  describe: ({ phase, branches, commitWanted, outcome }) =>
    [phase, outcome, `${branches} branches`, commitWanted && 'to be committed'].filter(Boolean).join(' '),
  describeInput: ({ call, ...rest }) => [call, ...Object.values(rest)].join(' '),
};

/** What an answer shows of a transaction. @param {View} view @returns {Input} */
export function seen({ status, csn, outcomeReason, branches }) {
  if (status === 'active' || status === 'preparing') return { call: 'see', phase: status, branches: branches.length };
  if (csn === null || outcomeReason) return { call: 'see', phase: status, outcome: 'aborted' };
  return { call: 'see', phase: status, outcome: `committed at ${csn}`, branches: branches.length };
}

/** What a call was told that got only the outcome. @param {'aborted' | 'committed'} outcome @returns {Input} */
export const told = (outcome) => ({ call: 'see', outcome });

/** A read that found nothing. @type {Input} */
export const seenAbsent = { call: 'see', phase: 'absent' };

function see(state, { phase, outcome, branches }) {
  if (branches !== undefined && branches !== state.branches) return undefined; // those of an abort may be lost with its leader
  if (phase === 'absent' || phase === 'active') return state.phase === phase ? state : undefined;
  if (state.phase === 'absent') return undefined;
  if (phase === 'preparing') {
    return isUndecided(state) && state.commitWanted ? { ...state, phase } : undefined;
  }
  if (isUndecided(state)) {
    if (outcome !== 'aborted' && !state.commitWanted) return undefined;
    return { ...state, phase: phase ?? outcome, outcome };
  }
  if (state.phase === 'completed' && (phase ?? 'completed') !== 'completed') return undefined;
  const known = sameOutcome(state.outcome, outcome);
  return known === undefined ? undefined : { ...state, phase: phase ?? state.phase, outcome: known };
}

/** Who was told only that it is committed knows no CSN. @returns the more precise one; undefined where they contradict */
function sameOutcome(a, b) {
  if (a.startsWith(b)) return a;
  return b.startsWith(a) ? b : undefined;
}

const isUndecided = ({ phase }) => phase === 'active' || phase === 'preparing';
