import { describe, expect, it } from '@jest/globals';
import { PreparedBranches } from './prepared-branches.js';

const branches = (...ids: string[]) => {
  const prepared = new PreparedBranches();
  for (const id of ids) prepared.add(id, `vote of ${id}`, 1000, 2000);
  return prepared;
};

describe('the memory of prepared branches', () => {
  it('tells which votes are due, at most so many at once', () => {
    const prepared = branches('a', 'b', 'c');
    expect(prepared.due(1999, 10)).toEqual([]);
    expect(prepared.due(2000, 2).map(({ transactionId }) => transactionId)).toEqual(['a', 'b']);
  });

  it('tells the age of the oldest', () => {
    expect(branches().oldestMs(5000)).toBeNull();
    expect(branches('a').oldestMs(5000)).toBe(4000);
  });

  it('answers to a sweep only what it does not know', () => {
    const prepared = branches('known');
    prepared.beginSweep();
    const found = [
      { transactionId: 'known', ageMs: 1, vote: null },
      { transactionId: 'orphan', ageMs: 1, vote: null },
    ];
    expect(prepared.reconcile(found, 3000)).toEqual([{ transactionId: 'orphan', ageMs: 1, vote: null }]);
  });

  it('does not take up again what was decided while the sweep was reading', () => {
    const prepared = branches('a');
    prepared.beginSweep();
    prepared.forget('a');
    expect(prepared.reconcile([{ transactionId: 'a', ageMs: 1, vote: null }], 3000)).toEqual([]);
  });

  it('drops what a sweep no longer finds, but not what was prepared after the sweep began', () => {
    const prepared = branches('finalised-elsewhere');
    prepared.beginSweep();
    prepared.add('just-prepared', 'vote', 3001, 4000);
    prepared.reconcile([], 3000);
    expect([prepared.get('finalised-elsewhere'), prepared.get('just-prepared')?.vote]).toEqual([undefined, 'vote']);
  });
});
