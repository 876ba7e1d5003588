import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { condemns, type Hearing, type Word } from './observers.js';

const WORD_AGE_MS_MAX = 3000;
const say = (observer: number, hearing: Hearing, ageMs = 0): Word<number> => ({ observer, hearing, ageMs });
const verdict = (voters: number, words: readonly Word<number>[], judge = 1) =>
  condemns(words, {
    judge,
    voters: new Set(Array.from({ length: voters }, (_, at) => at + 1)),
    wordAgeMsMax: WORD_AGE_MS_MAX,
  });

describe('one observer', () => {
  it('that is alone has the only word', () => {
    expect(verdict(1, [say(1, 'suspected')])).toBe(true);
    expect(verdict(1, [say(1, 'alive')])).toBe(false);
    expect(verdict(1, [say(1, 'unknown')])).toBe(false);
    expect(verdict(1, [])).toBe(false);
  });

  it('of two or three condemns nobody on its own, whoever judges', () => {
    for (const [voters, judge] of [
      [2, 1],
      [2, 2],
      [3, 1],
      [3, 2],
    ] as const) {
      expect(verdict(voters, [say(1, 'suspected')], judge)).toBe(false);
      const others = [say(2, 'unknown'), say(3, 'suspected', WORD_AGE_MS_MAX + 1)];
      expect(verdict(voters, [say(1, 'suspected'), ...others], judge)).toBe(false);
    }
  });
});

describe('several observers', () => {
  it('condemn by majority of all voters, reachable or not', () => {
    expect(verdict(2, [say(1, 'suspected'), say(2, 'suspected')])).toBe(true);
    expect(verdict(3, [say(1, 'suspected'), say(3, 'suspected', WORD_AGE_MS_MAX)])).toBe(true);
    expect(verdict(4, [say(1, 'suspected'), say(2, 'suspected')])).toBe(false);
    expect(verdict(5, [say(1, 'suspected'), say(2, 'suspected'), say(3, 'suspected'), say(4, 'alive')])).toBe(true);
  });

  it('condemn also where the judge cannot tell, but never one that the judge has just heard', () => {
    const others = [say(2, 'suspected'), say(3, 'suspected')];
    expect(verdict(3, [say(1, 'unknown'), ...others])).toBe(true);
    expect(verdict(3, others)).toBe(true);
    expect(verdict(3, [say(1, 'alive'), ...others])).toBe(false);
  });

  it('have one word each, the youngest, and none without a vote', () => {
    expect(verdict(3, [say(1, 'suspected'), say(1, 'suspected', 5), say(1, 'suspected', 9)])).toBe(false);
    expect(verdict(3, [say(1, 'suspected'), say(2, 'suspected', 500), say(2, 'alive', 20)])).toBe(false);
    expect(verdict(3, [say(1, 'suspected'), say(7, 'suspected'), say(8, 'suspected')])).toBe(false);
    expect(verdict(3, [say(2, 'suspected'), say(3, 'suspected'), say(9, 'suspected')], 9)).toBe(true);
  });
});

describe('for any words', () => {
  const hearings: readonly Hearing[] = ['alive', 'suspected', 'unknown'];
  const words = fc.array(
    fc.record({
      observer: fc.integer({ min: 1, max: 8 }),
      hearing: fc.constantFrom(...hearings),
      ageMs: fc.nat({ max: 2 * WORD_AGE_MS_MAX }),
    }),
    { maxLength: 16 },
  );
  const voters = fc.integer({ min: 1, max: 7 });

  it('less than a majority that suspects freshly condemns nobody', () => {
    fc.assert(
      fc.property(voters, words, (count, said) => {
        const suspecting = new Set(
          said
            .filter(
              ({ observer, hearing, ageMs }) =>
                observer <= count && hearing === 'suspected' && ageMs <= WORD_AGE_MS_MAX,
            )
            .map(({ observer }) => observer),
        );
        if (2 * suspecting.size <= count) expect(verdict(count, said)).toBe(false);
      }),
    );
  });

  it('losing, ageing or acquitting a word never condemns, and order does not matter', () => {
    fc.assert(
      fc.property(
        voters,
        fc.uniqueArray(
          words.map((list) => list[0] ?? say(2, 'unknown')),
          { selector: ({ observer }) => observer },
        ),
        fc.nat(),
        (count, said, pick) => {
          const before = verdict(count, said);
          expect(verdict(count, said.toReversed())).toBe(before);
          const at = pick % Math.max(1, said.length);
          const others = said.toSpliced(at, 1);
          const one = said[at];
          if (before || !one || one.observer === 1) return; // the judge's own word may be what acquits
          expect(verdict(count, others)).toBe(false);
          expect(verdict(count, [...others, { ...one, hearing: 'alive' }])).toBe(false);
          expect(verdict(count, [...others, { ...one, ageMs: one.ageMs + WORD_AGE_MS_MAX + 1 }])).toBe(false);
        },
      ),
    );
  });
});
