import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PhiAccrualDetector, type PhiAccrualOptions, SUSPICION_MAX } from './phi-accrual.js';

const OPTIONS: PhiAccrualOptions = {
  expectedIntervalMs: 1000,
  intervalsMax: 100,
  intervalMsMax: 10_000,
  standardDeviationMsMin: 100,
  acceptablePauseMs: 0,
};
const START = 5_000_000;

function hearing(intervals: readonly number[], over: Partial<PhiAccrualOptions> = {}) {
  const detector = new PhiAccrualDetector({ ...OPTIONS, ...over });
  let now = START;
  detector.heard(now);
  for (const interval of intervals) {
    now += interval;
    detector.heard(now);
  }
  return { detector, now };
}
const steady = (count: number, interval = 1000): number[] => new Array(count).fill(interval);

describe('suspicion', () => {
  it('is minus the decimal logarithm of how often a living sender would be silent for so long', () => {
    const { detector, now } = hearing(steady(100));
    expect(detector.suspicion(now + 1000)).toBeCloseTo(-Math.log10(0.5), 6);
    expect(detector.suspicion(now + 1100)).toBeCloseTo(-Math.log10(0.158655253931457), 6);
    expect(detector.suspicion(now + 1500)).toBeCloseTo(-Math.log10(2.86651571879e-7), 6);
  });

  it('takes mean and deviation from the intervals it has heard', () => {
    const { detector, now } = hearing(Array.from({ length: 100 }, (_, at) => (at % 2 ? 700 : 300)));
    expect(detector.suspicion(now + 500 + 3 * 200)).toBeCloseTo(-Math.log10(0.00134989803163), 6);
  });

  it('is as patient as the acceptable pause says', () => {
    const strict = hearing(steady(100));
    const patient = hearing(steady(100), { acceptablePauseMs: 2500 });
    expect(patient.detector.suspicion(patient.now + 3900)).toBeCloseTo(strict.detector.suspicion(strict.now + 1400), 9);
  });

  it('is nothing before there is anything to wait for', () => {
    const detector = new PhiAccrualDetector(OPTIONS);
    expect(detector.suspicion(START)).toBe(0);
    expect(detector.heardAtMs).toBeUndefined();
  });

  it('of one that never spoke grows from when the observer began to listen', () => {
    const detector = new PhiAccrualDetector(OPTIONS);
    expect(detector.suspicion(START + 500, START)).toBeLessThan(0.5);
    expect(detector.suspicion(START + 5000, START)).toBeGreaterThan(8);
  });

  it('after the first heartbeat goes by the interval that was promised', () => {
    const { detector, now } = hearing([]);
    expect(detector.suspicion(now + 900)).toBeLessThan(1);
    expect(detector.suspicion(now + 5000)).toBeGreaterThan(8);
  });

  it('ends at the first heartbeat after a long gap, and the gap does not make it patient', () => {
    const { detector, now } = hearing(steady(100));
    const before = detector.suspicion(now + 1500);
    const back = now + 3_600_000;
    expect(detector.suspicion(back)).toBe(SUSPICION_MAX);
    detector.heard(back);
    expect(detector.suspicion(back)).toBeCloseTo(0, 9);
    expect(detector.suspicion(back + 1500)).toBe(before);
  });

  it('learns that a sender has become slower', () => {
    const { detector, now } = hearing([...steady(100, 100), ...steady(100, 5000)]);
    expect(detector.suspicion(now + 5000)).toBeLessThan(1);
  });

  it('counts no silence from before the observer listened, and learns nothing of a gap in its hearing', () => {
    const { detector, now } = hearing(steady(100));
    const deafUntil = now + 6000;
    expect(detector.suspicion(deafUntil, deafUntil)).toBeCloseTo(0, 9);
    expect(detector.suspicion(deafUntil + 1500, deafUntil)).toBeGreaterThan(6);
    detector.heard(deafUntil + 1600, deafUntil);
    expect(detector.suspicion(deafUntil + 1600 + 1500)).toBeCloseTo(-Math.log10(2.86651571879e-7), 6);
  });

  it('takes a clock that is set back as one that stands still', () => {
    const { detector, now } = hearing(steady(100));
    const then = detector.suspicion(now + 1400);
    expect(detector.suspicion(now - 60_000)).toBe(then);
    detector.heard(now - 60_000);
    expect(detector.heardAtMs).toBe(now + 1400);
    expect(detector.suspicion(now)).toBeCloseTo(0, 9);
  });
});

describe('for any heartbeats', () => {
  const intervals = fc.array(fc.nat({ max: 20_000 }), { maxLength: 150 });

  it('suspicion is a number from 0 to its end, and does not fall while nothing is heard', () => {
    fc.assert(
      fc.property(intervals, fc.array(fc.nat({ max: 5_000 }), { minLength: 1, maxLength: 20 }), (heard, steps) => {
        const { detector, now } = hearing(heard);
        let [at, last] = [now, 0];
        for (const step of steps) {
          at += step;
          const suspicion = detector.suspicion(at);
          expect(suspicion).toBeGreaterThanOrEqual(last);
          expect(suspicion).toBeLessThanOrEqual(SUSPICION_MAX);
          last = suspicion;
        }
      }),
    );
  });

  it('a silence of an hour is suspected whatever was heard before', () => {
    fc.assert(
      fc.property(intervals, (heard) => {
        const { detector, now } = hearing(heard);
        expect(detector.suspicion(now + 3_600_000)).toBeGreaterThan(100);
      }),
    );
  });

  it('only the last ones of the window count', () => {
    fc.assert(
      fc.property(
        intervals,
        intervals,
        fc.array(fc.nat({ max: 10_000 }), { minLength: 100, maxLength: 120 }),
        (a, b, same) => {
          const [one, other] = [hearing([...a, ...same]), hearing([...b, ...same])];
          expect(one.detector.suspicion(one.now + 4000)).toBeCloseTo(other.detector.suspicion(other.now + 4000), 6);
        },
      ),
      { numRuns: 30 },
    );
  });
});
