import { describe, expect, it } from '@jest/globals';
import {
  aborting,
  abortOf,
  applied,
  at,
  begun,
  callOf,
  claimOf,
  committing,
  DEADLINE,
  doneOf,
  executedOf,
  NOW,
  preparing,
  reasonOf,
  voteOf,
} from '../test/fixtures.js';
import { type Coordination, type CoordinationState, recordOf } from './coordination.js';
import { type CoordinationEvent, step } from './transitions.js';

const enlistEast: CoordinationEvent = { type: 'enlist', participant: 'east', call: callOf('9') };
const commit: CoordinationEvent = { type: 'commit', claims: [] };
const due: CoordinationEvent = { type: 'due' };
const sent = (command: string, ...participants: string[]) =>
  participants.map((participant) => ({ type: 'send', command, participant }));
const typesOf = (effects: readonly { readonly type: string }[]) => effects.map(({ type }) => type);

const committed = (participants: readonly string[]): Coordination => applied(committing(participants)).t;
const aborted = (participants: readonly string[]): Coordination => applied(aborting(participants)).t;
const completed = (): Coordination => {
  const t = committed(['east']);
  step(t, doneOf('east'), at());
  return t;
};

const STATES: Record<CoordinationState, () => Coordination> = {
  active: () => begun(['east']),
  preparing: () => preparing(['east']),
  committing: () => committing(['east']),
  aborting: () => aborting(['east']),
  committed: () => committed(['east']),
  aborted: () => aborted(['east']),
  completed,
};

const executeEast: CoordinationEvent = { type: 'execute', participant: 'east', call: callOf('9') };

const EVENTS: Record<CoordinationEvent['type'], (t: Coordination) => CoordinationEvent> = {
  enlist: () => enlistEast,
  execute: () => executeEast,
  executed: () => executedOf('east', 1, '9'),
  commit: () => commit,
  abort: () => abortOf(),
  vote: () => voteOf('east'),
  applied: (t) => ({ type: 'applied', record: { ...recordOf(t), outcome: t.outcome, decidedIndex: 9 } }),
  done: (t) => doneOf('east', t.outcome === 'committed' ? 'committed' : 'rolled-back'),
  due: () => due,
};

/** What each cell does: the state after it, or how it is refused. `=` stays as it is. */
// biome-ignore format: the table is read as a table
const CELLS: Record<CoordinationState, Record<CoordinationEvent['type'], string>> = {
  active:     { enlist: '=',    execute: '=',     executed: '=', commit: 'preparing', abort: 'aborting', vote: '=',          applied: 'illegal',   done: '=',         due: '=' },
  preparing:  { enlist: 'late', execute: 'late',  executed: '=', commit: '=',         abort: 'aborting', vote: 'committing', applied: 'illegal',   done: '=',         due: '=' },
  committing: { enlist: 'late', execute: 'late',  executed: '=', commit: '=',         abort: '=',        vote: '=',          applied: 'committed', done: '=',         due: '=' },
  aborting:   { enlist: 'late', execute: 'late',  executed: '=', commit: '=',         abort: '=',        vote: '=',          applied: 'aborted',   done: '=',         due: '=' },
  committed:  { enlist: 'late', execute: 'late',  executed: '=', commit: '=',         abort: '=',        vote: '=',          applied: 'illegal',   done: 'completed', due: '=' },
  aborted:    { enlist: 'late', execute: 'late',  executed: '=', commit: '=',         abort: '=',        vote: '=',          applied: 'illegal',   done: 'completed', due: '=' },
  completed:  { enlist: 'late', execute: 'late',  executed: '=', commit: '=',         abort: '=',        vote: '=',          applied: '=',         done: '=',         due: '=' },
};

const cells = Object.entries(CELLS).flatMap(([state, row]) =>
  Object.entries(row).map(([event, then]) => ({ state, event, then })),
) as { state: CoordinationState; event: CoordinationEvent['type']; then: string }[];

describe('the transition table', () => {
  it.each(cells)('$event in $state: $then', ({ state, event, then }) => {
    const t = STATES[state]();
    expect(t.state).toBe(state);
    const take = () => step(t, EVENTS[event](t), at());
    if (then === 'illegal') expect(take).toThrow(`illegal transition: ${event} in state ${state}`);
    else if (then === 'late') expect(take).toThrow(expect.objectContaining({ code: 'transaction-not-active' }));
    else take();
    expect(t.state).toBe(CELLS[state][event] in STATES ? then : state);
  });

  it('D3: no event leads a settled transaction to another outcome', () => {
    for (const state of ['committing', 'aborting', 'committed', 'aborted', 'completed'] as const) {
      for (const event of Object.keys(EVENTS) as CoordinationEvent['type'][]) {
        const t = STATES[state]();
        const { outcome } = t;
        if (CELLS[state][event] === 'illegal' || CELLS[state][event] === 'late') continue;
        const effects = step(t, EVENTS[event](t), at(DEADLINE + 1));
        expect(t.outcome).toBe(outcome);
        expect(typesOf(effects)).not.toContain('propose');
      }
    }
  });

  it('D4: COMMIT is sent only once its entry is applied', () => {
    for (const state of Object.keys(STATES) as CoordinationState[]) {
      for (const event of Object.keys(EVENTS) as CoordinationEvent['type'][]) {
        const t = STATES[state]();
        if (CELLS[state][event] === 'illegal' || CELLS[state][event] === 'late') continue;
        const commits = step(t, EVENTS[event](t), at()).filter(
          (one) => one.type === 'send' && one.command === 'commit',
        );
        if (commits.length > 0) expect(['committed', 'completed']).toContain(t.state);
      }
    }
  });
});

describe('enlistment and commit', () => {
  it('gathers the operations of one participant for one PREPARE, in their order', () => {
    const t = begun(['east', 'west', 'east']);
    expect(t.works.get('east')?.operations.map(({ branchId }) => branchId)).toEqual(['1', '3']);
    const effects = step(t, commit, at());
    expect(effects.slice(0, 2)).toEqual(sent('prepare', 'east', 'west'));
    expect(effects[2]).toEqual({ type: 'wake', at: NOW + 500 });
  });

  it('refuses to commit a transaction without branches', () => {
    const t = begun([]);
    expect(() => step(t, commit, at())).toThrow(expect.objectContaining({ code: 'transaction-empty' }));
    expect(t.state).toBe('active');
  });

  it('a commit that is repeated while the votes are counted sends nothing and adds its key', () => {
    const t = preparing(['east']);
    expect(step(t, { type: 'commit', claims: [claimOf('k')] }, at())).toEqual([]);
    const [propose] = step(t, voteOf('east'), at());
    expect(propose).toMatchObject({ type: 'propose', entry: { type: 'commit', claims: [claimOf('k')] } });
  });

  it('a commit that is repeated after the decision adds no key to it', () => {
    const t = committing(['east']);
    step(t, { type: 'commit', claims: [claimOf('k')] }, at());
    expect(t.claims).toEqual([]);
  });
});

describe('votes', () => {
  it('D3: commit is settled by the last missing vote and by nothing before it', () => {
    const t = preparing(['east', 'west', 'stock']);
    expect(step(t, voteOf('east'), at())).toEqual([]);
    expect(step(t, voteOf('east'), at())).toEqual([]);
    expect(step(t, voteOf('west', 'read-only'), at())).toEqual([]);
    expect(t.outcome).toBeNull();
    expect(typesOf(step(t, voteOf('stock'), at()))).toEqual(['propose']);
    expect(t.outcome).toBe('committed');
  });

  it('D5: the COMMIT entry names every branch with its vote, its result, and the keys', () => {
    const t = preparing(['east', 'west']);
    step(t, voteOf('east', 'prepared', [{ branchId: '1', result: { left: 5 } }]), at());
    const [effect] = step(t, voteOf('west', 'read-only', [{ branchId: '2', result: 7 }]), at(NOW + 3));
    expect(effect).toMatchObject({
      type: 'propose',
      entry: {
        type: 'commit',
        header: { id: t.header.id, label: 'rent' },
        at: NOW + 3,
        branches: [
          { id: '1', participant: 'east', status: 'prepared', result: { left: 5 } },
          { id: '2', participant: 'west', status: 'read-only', result: 7 },
        ],
      },
    });
  });

  it('a vote of a participant that is not enlisted, and a result of a branch of another, change nothing', () => {
    const t = preparing(['east', 'west']);
    expect(step(t, voteOf('stock'), at())).toEqual([]);
    step(t, voteOf('east', 'prepared', [{ branchId: '2', result: 'not mine' }]), at());
    expect(t.branches.map(({ result }) => result)).toEqual([null, null]);
  });

  it('a refusal aborts at once, tells the others, and says who and why', () => {
    const t = preparing(['east', 'west']);
    const effects = step(t, voteOf('west', 'refused', null, reasonOf('insufficient-funds')), at());
    expect(typesOf(effects)).toEqual(['propose', 'send', 'wake']);
    expect(effects[1]).toEqual(sent('rollback', 'east')[0]);
    expect(t.reason).toMatchObject({ code: 'insufficient-funds', participant: 'west' });
  });

  it('a refusal without a reason gets one', () => {
    const t = preparing(['east']);
    step(t, voteOf('east', 'refused', null, null), at());
    expect(t.reason).toMatchObject({ code: 'operation-failed', participant: 'east' });
  });

  it('D3: a prepared participant that has lost its results aborts, and is told so', () => {
    const t = preparing(['east', 'west']);
    const effects = step(t, voteOf('east', 'prepared', null), at());
    expect(effects.filter(({ type }) => type === 'send')).toEqual(sent('rollback', 'east', 'west'));
    expect(t.reason).toMatchObject({ code: 'participant-restarted', retryable: true });
  });

  it('D6: a prepared branch that repeats its vote hears the outcome again', () => {
    expect(step(committed(['east']), voteOf('east'), at())).toEqual(sent('commit', 'east'));
    expect(step(aborted(['east']), voteOf('east'), at())).toEqual(sent('rollback', 'east'));
    expect(step(aborting(['east']), voteOf('east'), at())).toEqual(sent('rollback', 'east'));
    expect(step(completed(), voteOf('east'), at())).toEqual(sent('commit', 'east'));
    expect(step(committed(['east']), voteOf('east', 'refused'), at())).toEqual([]);
  });

  it('D5: a prepared branch that the COMMIT does not name rolls back', () => {
    expect(step(committed(['east']), voteOf('west'), at())).toEqual(sent('rollback', 'west'));
  });

  it('D3: while a COMMIT is proposed nobody is told anything', () => {
    expect(step(committing(['east']), voteOf('east'), at())).toEqual([]);
    expect(step(committing(['east']), due, at(DEADLINE + 1))).toEqual([]);
  });
});

/** A transaction with one execute under way at each participant named. */
function executing(...participants: string[]): Coordination {
  const t = begun([]);
  for (const participant of participants) {
    step(t, { type: 'execute', participant, call: callOf(String(t.branches.length + 1)) }, at());
  }
  return t;
}

describe('T5: executes', () => {
  it('T5: run one at a time at each participant, in the order in which they came', () => {
    const t = executing('east', 'east', 'west');
    const executeThird = step(t, { type: 'execute', participant: 'east', call: callOf('4') }, at());
    expect(executeThird).toEqual([]);
    expect(step(t, executedOf('east', 1, '1', { result: 5 }), at())).toEqual([
      ...sent('execute', 'east'),
      { type: 'wake', at: NOW + 500 },
    ]);
    expect(t.works.get('east')?.session).toMatchObject({ nonce: 'n', executed: 1, queue: [callOf('2'), callOf('4')] });
    step(t, executedOf('east', 2, '2'), at());
    expect(step(t, executedOf('east', 3, '4'), at())).toEqual([]);
    expect(recordOf(t).branches.map(({ status, result }) => [status, result])).toEqual([
      ['enlisted', 5],
      ['enlisted', null],
      ['enlisted', null],
      ['enlisted', null],
    ]);
  });

  it('T5: an answer that was given before, or to another number or branch, changes nothing', () => {
    const t = executing('east', 'east');
    step(t, executedOf('east', 1, '1', { result: 5 }), at());
    const before = structuredClone(t.works.get('east'));
    expect(step(t, executedOf('east', 1, '1', { result: 6, nonce: 'other' }), at())).toEqual([]);
    expect(step(t, executedOf('east', 2, '1'), at())).toEqual([]);
    expect(step(t, executedOf('east', 3, '2'), at())).toEqual([]);
    expect(step(t, executedOf('west', 2, '2'), at())).toEqual([]);
    expect(t.works.get('east')).toEqual(before);
    expect(t.branches[0]?.result).toBe(5);
  });

  it('T5: a commit is refused while one is under way or waits, and takes effect afterwards', () => {
    const t = executing('east', 'west');
    step(t, executedOf('east', 1, '1'), at());
    expect(() => step(t, commit, at())).toThrow(expect.objectContaining({ code: 'operation-running' }));
    expect(t).toMatchObject({ state: 'active', outcome: null, claims: [] });
    step(t, executedOf('west', 1, '2'), at());
    expect(step(t, commit, at()).slice(0, 2)).toEqual(sent('prepare', 'east', 'west'));
  });

  it('T5: a vote does not overwrite the result that the caller of an execute was given', () => {
    const t = executing('east');
    step(t, { type: 'enlist', participant: 'east', call: callOf('2') }, at());
    step(t, executedOf('east', 1, '1', { result: 5 }), at());
    step(t, commit, at());
    const results = ['1', '2'].map((branchId) => ({ branchId, result: 'of the vote' }));
    step(t, voteOf('east', 'prepared', results), at());
    expect(t.branches.map(({ result }) => result)).toEqual([5, 'of the vote']);
  });

  it('a reason aborts the transaction, names the branch, and ends the sessions of the others', () => {
    const t = executing('east', 'west', 'west');
    step(t, { type: 'enlist', participant: 'stock', call: callOf('4') }, at());
    const effects = step(t, executedOf('east', 1, '1', { reason: reasonOf('insufficient-funds') }), at());
    expect(typesOf(effects)).toEqual(['propose', 'send', 'wake']);
    expect(effects[1]).toEqual(sent('rollback', 'west')[0]);
    expect(t.reason).toMatchObject({ code: 'insufficient-funds', participant: 'east', branchId: '1' });
    const statuses = recordOf(t).branches.map(({ status }) => status);
    expect(statuses).toEqual(['refused', 'enlisted', 'enlisted', 'rolled-back']);
    expect(step(t, executedOf('west', 1, '2'), at())).toEqual([]);
  });

  it('T5: an answer from another session aborts: what had been executed is lost', () => {
    const t = executing('east', 'east');
    step(t, executedOf('east', 1, '1'), at());
    step(t, executedOf('east', 2, '2', { nonce: 'other' }), at());
    expect(t).toMatchObject({ state: 'aborting', reason: { code: 'participant-restarted', retryable: true } });
  });

  it('D7: an abort ends every session: ROLLBACK is sent again until DONE, and only then comes FORGET', () => {
    const t = executing('east');
    step(t, executedOf('east', 1, '1'), at());
    expect(step(t, abortOf(), at())[1]).toEqual(sent('rollback', 'east')[0]);
    expect(typesOf(applied(t).effects)).toEqual([]);
    expect(step(t, due, at())[0]).toEqual(sent('rollback', 'east')[0]);
    expect(step(t, doneOf('east', 'rolled-back'), at())).toEqual([{ type: 'forget', hazards: [] }]);
  });

  it('are sent again at growing intervals until they are answered; the deadline names who is silent', () => {
    const t = executing('east', 'west');
    step(t, executedOf('west', 1, '2'), at());
    const wakes = [1, 2, 3].map(() => {
      const effects = step(t, due, at());
      expect(effects[0]).toEqual(sent('execute', 'east')[0]);
      return (effects[1] as { at: number }).at - NOW;
    });
    expect(wakes).toEqual([1000, 2000, 2000]);
    step(t, due, at(DEADLINE));
    expect(t.reason).toMatchObject({ code: 'deadline-exceeded', participant: 'east' });
    expect(t.reason?.message).toBe('The deadline passed before east answered.');
  });

  it('an idle transaction is woken at its deadline only', () => {
    const t = executing('east');
    step(t, executedOf('east', 1, '1'), at());
    expect(step(t, due, at())).toEqual([{ type: 'wake', at: DEADLINE }]);
  });
});

describe('deadlines and resends', () => {
  it('a transaction that is not committed by its deadline is aborted', () => {
    const t = begun(['east']);
    expect(step(t, due, at(DEADLINE - 1))).toEqual([{ type: 'wake', at: DEADLINE }]);
    expect(typesOf(step(t, due, at(DEADLINE)))).toEqual(['propose', 'wake']);
    expect(t.reason).toMatchObject({ code: 'deadline-exceeded', retryable: true });
  });

  it('a participant that was never sent a PREPARE is final in the ABORT entry and gets no ROLLBACK', () => {
    const [effect] = step(begun(['east']), abortOf(), at());
    expect(effect).toMatchObject({ entry: { type: 'abort', branches: [{ status: 'rolled-back' }] } });
  });

  it('PREPARE is sent again to those that have not voted, at growing intervals, until the deadline', () => {
    const t = preparing(['east', 'west']);
    step(t, voteOf('east'), at());
    const wakes = [1, 2, 3].map(() => {
      const effects = step(t, due, at());
      expect(effects[0]).toEqual(sent('prepare', 'west')[0]);
      return (effects[1] as { at: number }).at - NOW;
    });
    expect(wakes).toEqual([1000, 2000, 2000]);
    expect(step(t, due, at(DEADLINE - 1)).at(-1)).toEqual({ type: 'wake', at: DEADLINE });
    step(t, due, at(DEADLINE));
    expect(t.reason).toMatchObject({ code: 'deadline-exceeded', participant: 'west' });
  });

  it('D7: a decision is sent again to those that have not reported DONE, without end', () => {
    const t = committed(['east', 'west']);
    step(t, doneOf('east'), at());
    for (let i = 0; i < 50; i += 1) {
      const effects = step(t, due, at(DEADLINE * 2));
      expect(effects[0]).toEqual(sent('commit', 'west')[0]);
      expect(effects[1]?.type).toBe('wake');
    }
  });
});

describe('D4: settled and proposed', () => {
  it('D4: an abort tells the participants before its entry is applied', () => {
    const effects = step(preparing(['east']), abortOf('rolled-back', [claimOf('k')]), at());
    expect(effects[0]).toMatchObject({ type: 'propose', entry: { type: 'abort', claims: [claimOf('k')], at: NOW } });
    expect(effects[1]).toEqual(sent('rollback', 'east')[0]);
  });

  it('D4: the applied entry gives the decision its place in the log', () => {
    const { t, effects } = applied(committing(['east', 'west']));
    expect(effects.filter(({ type }) => type === 'send')).toEqual(sent('commit', 'east', 'west'));
    expect(t).toMatchObject({ state: 'committed', decidedIndex: 2 });
    expect(t.csn).not.toBeNull();
  });

  it('an applied entry with another outcome than the settled one is a bug that is named', () => {
    const t = committing(['east']);
    const record = { ...recordOf(t), outcome: 'aborted' as const };
    expect(() => step(t, { type: 'applied', record }, at())).toThrow('settled committed, applied aborted');
  });

  it('a commit of read-only participants ends with its entry', () => {
    const t = preparing(['east']);
    step(t, voteOf('east', 'read-only'), at());
    expect(applied(t)).toMatchObject({ t: { state: 'completed' }, effects: [] });
  });
});

describe('D7: FORGET after every DONE', () => {
  it('D7: is asked for by the last DONE and by nothing before it', () => {
    const t = committed(['east', 'west']);
    expect(step(t, doneOf('east'), at())).toEqual([]);
    expect(step(t, doneOf('east'), at())).toEqual([]);
    expect(step(t, doneOf('west'), at())).toEqual([{ type: 'forget', hazards: [] }]);
    expect(step(t, doneOf('west'), at())).toEqual([]);
  });

  it('D7: an abort whose DONEs come before its entry is applied waits for the entry', () => {
    const t = aborting(['east']);
    expect(step(t, doneOf('east', 'rolled-back'), at())).toEqual([]);
    expect(applied(t)).toMatchObject({ t: { state: 'completed' } });
  });

  it('D7: a DONE before the abort’s entry is applied is remembered when the entry still calls it outstanding', () => {
    const t = preparing(['east', 'west']);
    const [propose] = step(t, voteOf('east', 'refused', null, reasonOf('no')), at());
    expect(step(t, doneOf('west', 'rolled-back'), at())).toEqual([]);
    if (propose?.type !== 'propose' || propose.entry.type !== 'abort') throw new Error('no abort was proposed');
    const record = { ...recordOf(t), status: 'aborted' as const, branches: propose.entry.branches, decidedIndex: 2 };
    expect(step(t, { type: 'applied', record }, at())).toEqual([{ type: 'forget', hazards: [] }]);
  });

  it('a participant that contradicts the decision is a hazard: told, kept, and no longer waited for', () => {
    const t = committed(['east', 'west']);
    step(t, doneOf('west'), at());
    const effects = step(t, doneOf('east', 'rolled-back'), at());
    expect(typesOf(effects)).toEqual(['hazard', 'forget']);
    expect(effects[1]).toEqual({ type: 'forget', hazards: ['east'] });
    expect(recordOf(t).branches[0]).toMatchObject({ status: 'hazard', reason: { code: 'hazard' } });
    const again = committed(['east']);
    expect(typesOf(step(again, { ...doneOf('east', 'hazard'), detail: 'no row' } as CoordinationEvent, at()))[0]).toBe(
      'hazard',
    );
  });
});
