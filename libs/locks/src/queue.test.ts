import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isCompatible, type LockMode } from './lock.js';
import { nextInLine } from './queue.js';

const line = (text: string) => [...text].map((letter, place) => ({ mode: modeOf(letter), place }));
const modeOf = (letter: string): LockMode => (letter === 'x' ? 'exclusive' : 'shared');
const next = (held: string, waiting: string, max = 9) =>
  nextInLine([...held].map(modeOf), line(waiting), max).map(({ place }) => place);

describe('who is next', () => {
  it.each([
    ['', 'xx', [0]],
    ['', 'ssxs', [0, 1]],
    ['s', 'ssx', [0, 1]],
    ['s', 'xs', []],
    ['x', 's', []],
    ['x', 'x', []],
    ['', '', []],
  ])('held by "%s", with "%s" in line: %j', (held, waiting, expected) => {
    expect(next(held, waiting)).toEqual(expected);
  });

  it('is nobody beyond the bound of holders', () => {
    expect(next('s', 'sss', 3)).toEqual([0, 1]);
    expect(next('', 'x', 0)).toEqual([]);
  });

  it('is always the head of the line: nobody overtakes, so an exclusive one does not starve', () => {
    const letters = fc.string({ unit: fc.constantFrom('x', 's'), maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom('', 'x', 's', 'ss'), letters, (held, waiting) => {
        const places = next(held, waiting);
        expect(places).toEqual(places.map((_, place) => place));
        const modes = [...held, ...waiting.slice(0, places.length)].map(modeOf);
        expect(modes.length < 2 || modes.every((mode) => mode === 'shared')).toBe(true);
        const first = waiting[places.length];
        if (first !== undefined) expect(isCompatible(modes, modeOf(first))).toBe(false); // nobody waits in vain
      }),
    );
  });
});
