import { describe, expect, it } from '@jest/globals';
import { MARKS_MAX, PhaseTimes, TRACED_MAX } from './phase-times.js';

const vote = (participant: string) =>
  ({ type: 'vote', vote: { participant, vote: 'prepared', results: [], reason: null } }) as never;

describe('phase times', () => {
  it('tell when each step was taken, from the begin on', () => {
    let now = 1000;
    const times = new PhaseTimes(() => now);
    times.begun('t');
    now += 1.5;
    times.stepped('t', { type: 'commit', claims: [] }, [{ type: 'send', command: 'prepare', participant: 'east' }]);
    now += 2;
    times.stepped('t', vote('east'), [{ type: 'propose', entry: { type: 'commit' } as never }]);
    now += 1;
    times.completed('t');
    expect(times.of('t')).toEqual({
      fromBegin: true,
      cut: false,
      marks: [
        { step: 'begun', atMs: 0 },
        { step: 'sent-prepare', atMs: 1.5, participant: 'east' },
        { step: 'vote', atMs: 3.5, participant: 'east', detail: 'prepared' },
        { step: 'settled', atMs: 3.5 },
        { step: 'completed', atMs: 4.5 },
      ],
    });
  });

  it('say when the beginning was at another leader', () => {
    const times = new PhaseTimes(() => 0);
    times.stepped('t', { type: 'due' }, [{ type: 'send', command: 'commit', participant: 'east' }]);
    expect(times.of('t')?.fromBegin).toBe(false);
    expect(times.of('unknown')).toBeUndefined();
    times.completed('unknown');
    expect(times.of('unknown')).toBeUndefined();
  });

  it('keep a bounded number of transactions, the newest, and of steps, the first', () => {
    const times = new PhaseTimes(() => 0);
    for (let count = 0; count <= TRACED_MAX; count += 1) times.begun(`t${count}`);
    expect(times.of('t0')).toBeUndefined();
    for (let count = 0; count < MARKS_MAX; count += 1) times.stepped('t1', vote('east'), []);
    expect(times.of('t1')).toMatchObject({ cut: true });
    expect(times.of('t1')?.marks).toHaveLength(MARKS_MAX);
  });
});
