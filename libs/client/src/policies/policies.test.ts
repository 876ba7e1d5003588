import { describe, expect, it } from '@jest/globals';
import { chiSquare, seededRandom } from '../../test/seeded-random.js';
import { LeaderFirstPolicy } from './leader-first.js';
import { makePolicy } from './make-policy.js';
import type { Candidate, Policy } from './policy.js';
import { RandomPolicy } from './random.js';
import { RoundRobinPolicy } from './round-robin.js';
import { WeightedPolicy } from './weighted.js';

const PICKS = 20_000;
/** Quantiles 0.999 of the chi-square distribution, by degrees of freedom. */
const CRITICAL = [0, 10.83, 13.82, 16.27];

const candidates = (count: number, leader = -1): Candidate[] =>
  Array.from({ length: count }, (_, index) => ({ url: `http://${index}`, index, leads: index === leader }));

function counts(policy: Policy, among: readonly Candidate[], needsLeader = false, picks = PICKS): number[] {
  const counted = among.map(() => 0);
  for (let i = 0; i < picks; i += 1) {
    const position = among.indexOf(policy.pick(among, needsLeader));
    counted[position] = (counted[position] as number) + 1;
  }
  return counted;
}

describe('policies', () => {
  it('random: all alike, and no pick tells the next one', () => {
    const policy = new RandomPolicy(seededRandom(1));
    expect(chiSquare(counts(policy, candidates(4)), [0.25, 0.25, 0.25, 0.25])).toBeLessThan(CRITICAL[3] as number);
    const pairs = [0, 0, 0, 0];
    for (let i = 0; i < PICKS; i += 1) {
      const [first, second] = [policy.pick(candidates(2)), policy.pick(candidates(2))];
      const pair = first.index * 2 + second.index;
      pairs[pair] = (pairs[pair] as number) + 1;
    }
    expect(chiSquare(pairs, [0.25, 0.25, 0.25, 0.25])).toBeLessThan(CRITICAL[3] as number);
  });

  it('round-robin: exactly alike, in order, and whoever is missing is passed over', () => {
    expect(counts(new RoundRobinPolicy(), candidates(3), false, 300)).toEqual([100, 100, 100]);
    const policy = new RoundRobinPolicy();
    const all = candidates(3);
    const order = [all, all, [all[0], all[1]], all, [all[2]], all].map(
      (some) => policy.pick(some as Candidate[]).index,
    );
    expect(order).toEqual([0, 1, 0, 1, 2, 0]);
  });

  it('weighted: in proportion to the weights, also among those that are left', () => {
    const weights = { 'http://0': 1, 'http://1': 3, 'http://2': 6 };
    const policy = new WeightedPolicy(weights, seededRandom(2));
    expect(chiSquare(counts(policy, candidates(3)), [0.1, 0.3, 0.6])).toBeLessThan(CRITICAL[2] as number);
    expect(chiSquare(counts(policy, candidates(2)), [0.25, 0.75])).toBeLessThan(CRITICAL[1] as number);
  });

  it('weighted: 0 is for when there is nobody else', () => {
    const policy = new WeightedPolicy({ 'http://0': 0, 'http://1': 2 }, seededRandom(3));
    expect(counts(policy, candidates(2))[0]).toBe(0);
    expect(policy.pick(candidates(1)).index).toBe(0);
  });

  it('leader-first: what needs the leader goes there, the rest to all alike', () => {
    const policy = new LeaderFirstPolicy(new RandomPolicy(seededRandom(4)));
    expect(counts(policy, candidates(3, 1), true)).toEqual([0, PICKS, 0]);
    const third = 1 / 3;
    expect(chiSquare(counts(policy, candidates(3, 1), false), [third, third, third])).toBeLessThan(
      CRITICAL[2] as number,
    );
    expect(chiSquare(counts(policy, candidates(3), true), [third, third, third])).toBeLessThan(CRITICAL[2] as number);
  });

  it('are chosen by name; an unknown name and a useless weight are refused', () => {
    const urls = ['http://0', 'http://1'];
    const random = seededRandom(5);
    for (const name of ['random', 'round-robin', 'leader-first'] as const) {
      expect(urls).toContain(makePolicy(name, urls, random).pick(candidates(2), false).url);
    }
    expect(() => makePolicy('best' as 'random', urls, random)).toThrow(TypeError);
    expect(() => makePolicy({ weights: { 'http://0/': 1 } }, urls, random)).toThrow('http://1');
    expect(() => makePolicy({ weights: { 'http://0': -1, 'http://1': 1 } }, urls, random)).toThrow(RangeError);
  });
});
