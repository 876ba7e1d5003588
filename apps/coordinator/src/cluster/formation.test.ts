import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chooseFormation } from './formation.js';
import { type Identity, raftIdOf } from './identity.js';

const identity = (nodeId: number, initialVoters: number[] | null = null, raftId = nodeId * 100): Identity => ({
  nodeId,
  raftId,
  address: `host-${nodeId}:1`,
  url: `http://host-${nodeId}:2`,
  initialVoters,
  leaderId: null,
  appliedIndex: 0,
  persistedIndex: 0,
  formatVersion: 2,
});

describe('finding or beginning a cluster', () => {
  it('lets the lowest node id begin, once everyone has answered that its log is new', () => {
    const answers = [identity(2), identity(3)];
    expect(chooseFormation(identity(1), [2, 3], answers)).toEqual({ kind: 'bootstrap', voters: [100, 200, 300] });
    expect(chooseFormation(identity(1), [2, 3], answers.slice(1)).kind).toBe('wait');
    expect(chooseFormation(identity(2), [1, 3], [identity(1), identity(3)]).kind).toBe('wait');
  });

  it('begins alone where there is nobody else', () => {
    expect(chooseFormation(identity(1), [], [])).toEqual({ kind: 'bootstrap', voters: [100] });
  });

  it('adopts the list of those that have begun, if it names this log', () => {
    const begun = identity(1, [100, 200, 300]);
    expect(chooseFormation(identity(2), [1, 3], [begun])).toEqual({ kind: 'bootstrap', voters: [100, 200, 300] });
  });

  it('joins as a learner with a log that the list does not name: a wiped disk never votes under its old id', () => {
    const begun = identity(1, [100, 200, 300]);
    expect(chooseFormation(identity(2, null, 999), [1, 3], [begun])).toEqual({
      kind: 'join',
      voters: [100, 200, 300],
    });
    // Also when the wiped one is the lowest, and whoever else has a new log too.
    expect(chooseFormation(identity(1, null, 999), [2, 3], [identity(2, [100, 200, 300]), identity(3)])).toEqual({
      kind: 'join',
      voters: [100, 200, 300],
    });
  });

  it('never lets two replicas begin with different lists, whoever hears whom in whatever order', () => {
    const schedule = fc.array(fc.record({ asks: fc.integer({ min: 0, max: 2 }), hears: fc.subarray([0, 1, 2]) }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(schedule, (rounds) => {
        const nodes = [identity(1), identity(2), identity(3)];
        for (const { asks, hears } of rounds) {
          const own = nodes[asks] as Identity;
          if (own.initialVoters !== null) continue;
          const peers = nodes.filter((one) => one !== own);
          const formation = chooseFormation(
            own,
            peers.map(({ nodeId }) => nodeId),
            peers.filter((one) => hears.includes(one.nodeId - 1)),
          );
          if (formation.kind === 'bootstrap') nodes[asks] = { ...own, initialVoters: [...formation.voters] };
        }
        const lists = new Set(nodes.flatMap(({ initialVoters }) => (initialVoters ? [initialVoters.join()] : [])));
        expect(lists.size).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('makes a positive safe integer of any member id', () => {
    expect(raftIdOf('0'.repeat(32))).toBe(1);
    expect(Number.isSafeInteger(raftIdOf('f'.repeat(32)))).toBe(true);
  });
});
