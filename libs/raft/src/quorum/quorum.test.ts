import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JointQuorum } from './joint.js';
import { MajorityQuorum } from './majority.js';

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 7 });
const acks = fc.dictionary(fc.constantFrom('1', '2', '3', '4', '5', '6', '7', '8', '9'), fc.nat(20));
const indexer = (given: Record<string, number>) => ({ ackedIndex: (id: number) => given[id] });

/** The definition, word for word: the highest index that more than half of the voters have reached. */
function committedByDefinition(voters: readonly number[], given: Record<string, number>): number {
  if (voters.length === 0) return Infinity;
  let index = 0;
  for (let candidate = 1; candidate <= 20; candidate++) {
    const reached = voters.filter((id) => (given[id] ?? 0) >= candidate).length;
    if (reached > voters.length / 2) index = candidate;
  }
  return index;
}

describe('a majority quorum', () => {
  it('commits what more than half of the voters have acknowledged', () => {
    fc.assert(
      fc.property(ids, acks, (voters, given) => {
        const quorum = new MajorityQuorum(voters);
        expect(quorum.committedIndex(indexer(given))).toBe(committedByDefinition(voters, given));
        // The scratch space of one computation must not show in the next.
        expect(quorum.committedIndex(indexer({}))).toBe(voters.length === 0 ? Infinity : 0);
      }),
    );
  });

  it('is won or lost only when no further vote can change that', () => {
    fc.assert(
      fc.property(ids, fc.dictionary(fc.constantFrom('1', '2', '3', '4', '5'), fc.boolean()), (voters, given) => {
        const votes = new Map(Object.entries(given).map(([id, vote]) => [Number(id), vote]));
        const quorum = new MajorityQuorum(voters);
        const completed = (vote: boolean) => new Map(voters.map((id) => [id, votes.get(id) ?? vote]));
        const outcomes = new Set([quorum.voteResult(completed(true)), quorum.voteResult(completed(false))]);
        const expected = outcomes.size === 1 ? [...outcomes][0] : 'pending';
        expect(quorum.voteResult(votes)).toBe(expected);
      }),
    );
  });
});

describe('a joint quorum', () => {
  it('commits what both halves commit, in whichever order they are named', () => {
    fc.assert(
      fc.property(ids, ids, acks, (left, right, given) => {
        const [incoming, outgoing] = [new MajorityQuorum(left), new MajorityQuorum(right)];
        const index = new JointQuorum(incoming, outgoing).committedIndex(indexer(given));
        expect(index).toBe(Math.min(committedByDefinition(left, given), committedByDefinition(right, given)));
        expect(new JointQuorum(outgoing, incoming).committedIndex(indexer(given))).toBe(index);
      }),
    );
  });

  it('joined with itself or with nothing decides like the one half', () => {
    fc.assert(
      fc.property(ids, acks, (voters, given) => {
        const one = new MajorityQuorum(voters);
        const index = one.committedIndex(indexer(given));
        expect(new JointQuorum(one, one).committedIndex(indexer(given))).toBe(index);
        expect(new JointQuorum(one).committedIndex(indexer(given))).toBe(index);
      }),
    );
  });

  it('is lost as soon as one half is lost', () => {
    const quorum = new JointQuorum(new MajorityQuorum([1, 2, 3]), new MajorityQuorum([4]));
    expect(quorum.voteResult(new Map([[4, false]]))).toBe('lost');
    expect(quorum.voteResult(new Map([[4, true]]))).toBe('pending');
    expect(
      quorum.voteResult(
        new Map([
          [4, true],
          [1, true],
          [2, true],
        ]),
      ),
    ).toBe('won');
  });
});
