import { describe, expect, it } from '@jest/globals';
import { createBackoff } from './backoff.mjs';

describe('the wait before a restart', () => {
  it('doubles from death to death, up to its limit', () => {
    const next = createBackoff();
    expect([1, 2, 3, 4, 5, 6, 7].map(() => next(100))).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
  });

  it('begins again after a life that was long enough', () => {
    const next = createBackoff();
    next(0);
    next(0);
    expect(next(9_999)).toBe(1000);
    expect(next(10_000)).toBe(250);
  });
});
