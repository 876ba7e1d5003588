import { describe, expect, it } from '@jest/globals';
import { median, medianOf, percentile, significant } from './statistics.mjs';

const sorted = Float64Array.from({ length: 100 }, (_, index) => index + 1);

describe('a percentile', () => {
  it('is the smallest sample that covers the share', () => {
    expect(percentile(sorted, 0.5)).toBe(50);
    expect(percentile(sorted, 0.99)).toBe(99);
    expect(percentile(sorted, 0.995)).toBe(100);
    expect(percentile(sorted, 1)).toBe(100);
    expect(percentile(sorted, 0)).toBe(1);
  });

  it('of one sample is that sample, of none it is null', () => {
    expect(percentile(Float64Array.of(7), 0.99)).toBe(7);
    expect(percentile(new Float64Array(0), 0.5)).toBeNull();
  });
});

describe('the median of several rounds', () => {
  it('is a value that was measured', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([10, 2, 9, 1])).toBe(2);
  });

  it('is taken of every figure for itself, inside objects too, and leaves the rest alone', () => {
    const rounds = [
      { name: 'x', count: 3, cpu: { kafka: 1, client: null } },
      { name: 'x', count: 1, cpu: { kafka: 5, client: null } },
      { name: 'x', count: 2, cpu: { kafka: 3, client: null } },
    ];
    expect(medianOf(rounds)).toEqual({ name: 'x', count: 2, cpu: { kafka: 3, client: null } });
  });
});

describe('a figure', () => {
  it('is rounded to significant digits, and null stays null', () => {
    expect(significant(1234.567)).toBe(1235);
    expect(significant(0.012345678, 3)).toBe(0.0123);
    expect(significant(null)).toBeNull();
    expect(significant(undefined)).toBeNull();
  });
});
