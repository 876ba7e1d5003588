import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generator } from '../../../../../test/product/generator.mjs';
import { AdaptiveLimit } from './adaptive-limit.js';

const options = { min: 8, max: 1000, atFirst: 100, targetMs: 100 };

/**
 * A resource that does `ratePerMs` and no more, with `underWay` under way all the time: by Little's law each piece takes
 * `underWay / ratePerMs`, and never less than `idleMs`.
 * @returns the limit after so long
 */
function settle(
  limit: AdaptiveLimit,
  { ratePerMs, idleMs = 5, offered = Number.POSITIVE_INFINITY, forMs = 60_000 }: Load,
) {
  let now = 0;
  while (now < forMs) {
    const underWay = Math.min(limit.value, offered);
    const tookMs = Math.max(idleMs, underWay / ratePerMs);
    limit.sample(tookMs, underWay, now);
    now += Math.max(1, 1 / ratePerMs);
  }
  return limit.value;
}

interface Load {
  readonly ratePerMs: number;
  readonly idleMs?: number;
  readonly offered?: number;
  readonly forMs?: number;
}

describe('a limit that follows how long work takes', () => {
  it('settles where the target is met, at whatever the resource can do', () => {
    for (const ratePerMs of [0.2, 1, 5]) {
      const value = settle(new AdaptiveLimit(options), { ratePerMs });
      expect(value).toBeGreaterThan(0.8 * ratePerMs * options.targetMs);
      expect(value).toBeLessThan(1.2 * ratePerMs * options.targetMs);
    }
  });

  it('follows a resource that becomes slower, and one that becomes faster', () => {
    const limit = new AdaptiveLimit(options);
    expect(settle(limit, { ratePerMs: 5 })).toBeGreaterThan(400);
    const slower = new AdaptiveLimit({ ...options, atFirst: 500 });
    expect(settle(slower, { ratePerMs: 0.3 })).toBeLessThan(40);
  });

  it('stays where it is as long as it holds nothing back', () => {
    const limit = new AdaptiveLimit(options);
    expect(settle(limit, { ratePerMs: 5, offered: 20 })).toBe(100);
  });

  it('finds out what a resource takes by itself, and keeps it busy: slow is not overloaded', () => {
    for (const atFirst of [options.min, 100, 900]) {
      const load = { ratePerMs: 0.3, idleMs: 400, forMs: 120_000 }; // 120 under way keep it busy
      const value = settle(new AdaptiveLimit({ ...options, atFirst }), load);
      expect(value).toBeGreaterThan(80);
      expect(value).toBeLessThan(240);
    }
  });

  it('stays near its least where even that takes too long, and goes on trying', () => {
    const value = settle(new AdaptiveLimit(options), { ratePerMs: 0.01, idleMs: 1, forMs: 600_000 });
    expect(value).toBeGreaterThanOrEqual(options.min);
    expect(value).toBeLessThan(2 * options.min);
  });

  it('lets nothing take longer than its bound for ever, also where times are noise', () => {
    const limit = new AdaptiveLimit(options);
    const random = generator(5);
    let now = 0;
    let late = 0;
    for (let n = 0; n < 200_000; n += 1) {
      const tookMs = (limit.value / 1) * (0.2 + 1.6 * random()); // 1 per ms, and a time anywhere around the queue
      limit.sample(tookMs, limit.value, now);
      now += 1;
      if (limit.value > 8 * options.targetMs) late += 1;
    }
    expect(late).toBeLessThan(2000);
    expect(limit.value).toBeGreaterThan(50);
  });

  it('keeps its bounds for any samples', () => {
    const sample = fc.record({ took: fc.nat(100_000), used: fc.nat(5000), later: fc.nat(1000) });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 200 }), fc.integer({ min: 1, max: 2000 }), (samples, max) => {
        const limit = new AdaptiveLimit({ ...options, max });
        let now = 0;
        for (const { took, used, later } of samples) {
          now += later;
          limit.sample(took, used, now);
          expect(limit.value).toBeLessThanOrEqual(max);
          expect(limit.value).toBeGreaterThanOrEqual(Math.min(options.min, max));
        }
      }),
    );
  });

  it('changes at most once in the time that an answer takes', () => {
    const limit = new AdaptiveLimit(options);
    for (let at = 0; at < 10; at += 1) limit.sample(400, 100, at);
    const first = limit.value;
    expect(first).toBeLessThan(100);
    for (let at = 10; at < 390; at += 1) limit.sample(300, 70, at);
    expect(limit.value).toBe(first);
    limit.sample(300, 70, 500);
    expect(limit.value).toBeLessThan(first);
  });
});
