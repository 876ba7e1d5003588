import { describe, expect, it } from '@jest/globals';
import { generator } from '../test/product/generator.mjs';
import { measure, phiDetector, SURROUNDINGS, timeoutDetector } from './detection.mjs';

const extent = () => ({ random: generator(3), days: 0.05, deaths: 40 });
const surroundings = (name) => SURROUNDINGS.find((one) => one.name === name);
const OPTIONS = {
  expectedIntervalMs: 1000,
  intervalsMax: 100,
  intervalMsMax: 10_000,
  standardDeviationMsMin: 200,
  acceptablePauseMs: 1000,
};

describe('measuring failure detectors', () => {
  it('finds a death half an interval before the timeout, and nobody wrongly where heartbeats are regular', () => {
    for (const { limit, observers, meanMs, mistakesPerDay } of measure(
      surroundings('steady'),
      timeoutDetector,
      extent(),
    )) {
      expect(mistakesPerDay).toBe(0);
      const wordMs = observers === 3 ? 170 : 0; // the sooner of two words
      expect(Math.abs(meanMs - (limit - 500 + wordMs))).toBeLessThan(200);
    }
  });

  it('tells the same from the same seed', () => {
    const run = () => measure(surroundings('heavy tail'), () => phiDetector(OPTIONS), extent());
    expect(run()).toEqual(run());
  });

  it('finds fewer mistakes and later deaths the higher the threshold, and fewest by majority', () => {
    const found = measure(surroundings('pausing links'), () => phiDetector(OPTIONS), extent());
    const [single, majority] = [1, 3].map((count) => found.filter(({ observers }) => observers === count));
    for (const [at, one] of single.entries()) {
      expect(majority[at].mistakesPerDay).toBeLessThan(one.mistakesPerDay);
      expect(majority[at].meanMs).toBeGreaterThanOrEqual(one.meanMs);
      if (at === 0) continue;
      expect(one.mistakesPerDay).toBeLessThanOrEqual(single[at - 1].mistakesPerDay);
      expect(one.meanMs).toBeGreaterThanOrEqual(single[at - 1].meanMs);
    }
  });
});
