import { describe, expect, it } from '@jest/globals';
import { type BranchAction, type BranchState, type Circumstances, decide } from './decisions.js';

const STATES: BranchState[] = ['absent', 'executing', 'prepared', 'committed', 'aborted'];
const usual: Circumstances = { belowHorizon: false, staleIncarnation: false, presumed: false };
const rowOf = (command: 'prepare' | 'commit' | 'rollback', further: Partial<Circumstances> = {}): BranchAction[] =>
  STATES.map((state) => decide(command, state, { ...usual, ...further }));

describe('the table of decisions', () => {
  it('has one action for every command in every state', () => {
    expect(rowOf('prepare')).toEqual(['execute', 'ignore', 'repeat-vote', 'ignore', 'refuse-already-rolled-back']);
    expect(rowOf('commit')).toEqual([
      'done-hazard',
      'commit-prepared',
      'commit-prepared',
      'done-committed',
      'done-hazard',
    ]);
    expect(rowOf('rollback')).toEqual([
      'leave-abort-row',
      'cancel-execution',
      'rollback-prepared',
      'done-hazard',
      'done-rolled-back',
    ]);
  });

  it('S8: below the horizon takes the absence of a row for a forgotten one', () => {
    const below = { belowHorizon: true };
    expect(decide('prepare', 'absent', { ...usual, ...below })).toBe('refuse-below-horizon');
    expect(decide('commit', 'absent', { ...usual, ...below })).toBe('done-committed');
    expect(decide('rollback', 'absent', { ...usual, ...below })).toBe('done-rolled-back');
    for (const command of ['prepare', 'commit', 'rollback'] as const) {
      expect(rowOf(command, below).slice(1)).toEqual(rowOf(command).slice(1));
    }
  });

  it('D1: refuses to begin what belongs to an earlier incarnation, and nothing else of it', () => {
    const stale = { staleIncarnation: true };
    expect(decide('prepare', 'absent', { ...usual, ...stale })).toBe('refuse-stale-incarnation');
    expect(rowOf('prepare', stale).slice(1)).toEqual(rowOf('prepare').slice(1));
    for (const command of ['commit', 'rollback'] as const) expect(rowOf(command, stale)).toEqual(rowOf(command));
  });

  it('D6: takes "unknown" for an abort only while nothing is committed', () => {
    expect(rowOf('rollback', { presumed: true })).toEqual([
      'leave-abort-row',
      'cancel-execution',
      'rollback-prepared',
      'done-committed',
      'done-rolled-back',
    ]);
  });
});
