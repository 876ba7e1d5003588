import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '../test/seeded-random.js';
import { backoffMs } from './backoff.js';
import { LatencyWindow } from './latency-window.js';

describe('backoff', () => {
  it('lies evenly between 0 and an end that doubles up to its bound', () => {
    const random = seededRandom(1);
    for (const [retry, endMs] of [
      [0, 50],
      [3, 400],
      [5, 1_600],
      [6, 2_000],
      [5_000, 2_000],
    ] as const) {
      const waits = Array.from({ length: 2_000 }, () => backoffMs(retry, random));
      expect(Math.max(...waits)).toBeLessThan(endMs);
      const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
      expect(Math.abs(mean - endMs / 2)).toBeLessThan(endMs * 0.03); // more than four standard errors
    }
  });

  it('never undercuts what the server asked for', () => {
    expect(backoffMs(0, () => 0, {}, 1_000)).toBe(1_000);
    expect(backoffMs(2, () => 0.5, { baseMs: 100, maxMs: 300 }, 1_000)).toBe(1_150);
  });
});

describe('the latency window', () => {
  it('gives quantiles of the last calls only', () => {
    const window = new LatencyWindow(100);
    expect(window.quantileMs(0.5)).toBeUndefined();
    for (let i = 0; i < 100; i += 1) window.add(100_000);
    for (let i = 100; i >= 1; i -= 1) window.add(i);
    expect([0.01, 0.5, 0.95, 1].map((quantile) => window.quantileMs(quantile))).toEqual([1, 50, 95, 100]);
    expect(window.count).toBe(100);
  });
});
