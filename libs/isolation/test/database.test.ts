import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkHistory } from '../src/check.js';
import type { ModelName } from '../src/models.js';
import { type Rules, runDatabase } from './database.js';
import { randomFrom } from './random.js';

const RUNS = 40;
const TRANSACTIONS = 600;

function check(seed: number, rules: Rules, model: ModelName) {
  const workload = { random: randomFrom(seed), transactions: TRANSACTIONS, processes: 8, keys: 5, rules };
  return checkHistory(runDatabase(workload), model);
}

const everySeed = (property: (seed: number) => void) =>
  fc.assert(fc.property(fc.nat({ max: 2 ** 31 - 1 }), property), { numRuns: RUNS });

const kindsOf = ({ forbidden }: ReturnType<typeof check>) => forbidden.map(({ kind }) => kind);

describe('the histories of a small database', () => {
  it('are accepted under strong snapshot isolation when it keeps all of its rules', () => {
    everySeed((seed) => {
      const report = check(seed, {}, 'strong-snapshot-isolation');
      expect(report.forbidden).toEqual([]);
      expect(report.transactions.committed).toBeGreaterThan(TRANSACTIONS / 5);
    });
  });

  it('show nothing but write skew to a serializable eye, and some of it in every long history', () => {
    everySeed((seed) => {
      const kinds = kindsOf(check(seed, {}, 'serializable'));
      expect(new Set(kinds)).toEqual(new Set(['G2']));
    });
  });

  it('are strictly serializable when reads are checked at commit as well', () => {
    everySeed((seed) => expect(check(seed, { serializable: true }, 'strict-serializable').forbidden).toEqual([]));
  });

  const cycles = /^(G1c|G-single|G-nonadjacent)$/;
  it.each<[keyof Rules, RegExp]>([
    ['readsLatest', cycles],
    ['noFirstCommitterWins', /^(lost-update|incompatible-order)$/],
    ['readsUncommitted', /^(G1a|G1b|dirty-update)$/],
    ['halfCommits', cycles],
  ])('are caught when one rule is broken: %s', (rule, expected) => {
    everySeed((seed) => {
      const report = check(seed, { [rule]: true }, 'snapshot-isolation');
      expect(report.valid).toBe(false);
      expect(kindsOf(report)).toContainEqual(expect.stringMatching(expected));
    });
  });
});
