import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../test/manual-clock.js';
import { RetryBudget } from './retry-budget.js';

describe('the retry budget', () => {
  it('in no interval spends more than burst + rate × time + ratio × calls', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('call' as const), count: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ kind: fc.constant('spend' as const), count: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ kind: fc.constant('pass' as const), count: fc.integer({ min: 1, max: 2_000 }) }),
    );
    const options = fc.record({
      ratio: fc.double({ min: 0, max: 1, noNaN: true }),
      retriesPerSecondMin: fc.integer({ min: 0, max: 50 }),
      burst: fc.integer({ min: 1, max: 50 }),
    });
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 40 }), (chosen, steps) => {
        const clock = new ManualClock();
        const budget = new RetryBudget(chosen, clock);
        const marks = [{ at: 0, calls: 0, spent: 0 }];
        let [calls, spent] = [0, 0];
        for (const { kind, count } of steps) {
          if (kind === 'pass') clock.pass(count);
          else
            for (let i = 0; i < count; i += 1) {
              if (kind === 'call') {
                calls += 1;
                budget.earn();
              } else if (budget.spend()) spent += 1;
            }
          marks.push({ at: clock.now(), calls, spent });
        }
        for (const [index, from] of marks.entries()) {
          for (const to of marks.slice(index)) {
            const earned =
              ((to.at - from.at) / 1_000) * chosen.retriesPerSecondMin + (to.calls - from.calls) * chosen.ratio;
            expect(to.spent - from.spent).toBeLessThanOrEqual(chosen.burst + earned + 1e-6);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('has a retry when the time it named is over, and none before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 0, max: 500 }), (rate, passed) => {
        const clock = new ManualClock();
        const budget = new RetryBudget({ ratio: 0, retriesPerSecondMin: rate, burst: 1 }, clock);
        expect(budget.spend()).toBe(true);
        clock.pass(passed);
        const { waitMs } = budget;
        if (waitMs > 2) {
          clock.pass(waitMs - 2); // it may be a millisecond late
          expect(budget.spend()).toBe(false);
          clock.pass(2);
        } else clock.pass(waitMs);
        expect(budget.spend()).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('lets a tenth of many calls be retried when they are all there is', () => {
    const budget = new RetryBudget({ retriesPerSecondMin: 0, burst: 1_000 }, new ManualClock());
    while (budget.spend());
    for (let i = 0; i < 1_005; i += 1) budget.earn();
    let spent = 0;
    while (budget.spend()) spent += 1;
    expect(spent).toBe(100);
  });

  it('refuses options that make no budget', () => {
    expect(() => new RetryBudget({ ratio: Number.NaN }, new ManualClock())).toThrow(RangeError);
    expect(() => new RetryBudget({ burst: 0 }, new ManualClock())).toThrow(RangeError);
  });
});
