import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { normalTailLog10 } from './normal-tail.js';

describe('the tail of the normal distribution', () => {
  it.each([
    [-9, 1],
    [-1, 0.841344746068543],
    [0, 0.5],
    [1, 0.158655253931457],
    [2.999, 0.0013543365337],
    [3, 0.00134989803163],
    [5, 2.86651571879e-7],
    [8, 6.22096057427e-16],
    [20, 2.75362411861e-89],
  ])('beyond %d deviations is %d', (deviations, probability) => {
    expect(normalTailLog10(deviations)).toBeCloseTo(Math.log10(probability), 6);
  });

  it('falls on without end or gap, also where the probability is too small for a double', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -8, max: 1000, noNaN: true }),
        fc.double({ min: 1e-3, max: 10, noNaN: true }),
        (z, step) => {
          const [near, far] = [normalTailLog10(z), normalTailLog10(z + step)];
          expect(Number.isFinite(far)).toBe(true);
          expect(far).toBeLessThanOrEqual(near);
          if (z > -5) expect(far).toBeLessThan(near);
        },
      ),
    );
  });
});
