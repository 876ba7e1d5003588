import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../test/manual-clock.js';
import { CircuitBreaker, type Permit } from './circuit-breaker.js';

const OPTIONS = { failureRatio: 0.5, callsMin: 4, windowMs: 1_000, openMs: 100, openMsMax: 400 };

function broken() {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(OPTIONS, clock);
  for (let i = 0; i < 4; i += 1) breaker.permit()?.failed();
  return { clock, breaker };
}

describe('the circuit breaker', () => {
  it('opens at the share of failures, not below it, and not for a few calls', () => {
    const breaker = new CircuitBreaker(OPTIONS, new ManualClock());
    for (let i = 0; i < 3; i += 1) breaker.permit()?.failed();
    expect(breaker.state).toBe('closed');
    for (let i = 0; i < 4; i += 1) breaker.permit()?.succeeded();
    expect(breaker.state).toBe('closed'); // 3 of 7
    breaker.permit()?.failed();
    expect(breaker.state).toBe('open'); // 4 of 8
    expect(breaker.permit()).toBeUndefined();
  });

  it('forgets failures that are older than its window', () => {
    const clock = new ManualClock();
    const breaker = new CircuitBreaker(OPTIONS, clock);
    for (let i = 0; i < 3; i += 1) breaker.permit()?.failed();
    clock.pass(1_100);
    breaker.permit()?.failed();
    expect(breaker.state).toBe('closed');
  });

  it('lets one probe through when half-open, and closes when it succeeds', () => {
    const { clock, breaker } = broken();
    expect(breaker.waitMs).toBe(100);
    clock.pass(100);
    expect(breaker.state).toBe('half-open');
    const probe = breaker.permit();
    expect(breaker.permit()).toBeUndefined();
    probe?.succeeded();
    expect(breaker.state).toBe('closed');
    for (let i = 0; i < 3; i += 1) breaker.permit()?.failed(); // it begins to count anew
    expect(breaker.state).toBe('closed');
  });

  it('stays open twice as long after each failed probe, up to a bound', () => {
    const { clock, breaker } = broken();
    const waits = [100, 200, 400, 400].map((expected) => {
      const { waitMs } = breaker;
      clock.pass(expected);
      breaker.permit()?.failed();
      return waitMs;
    });
    expect(waits).toEqual([100, 200, 400, 400]);
  });

  it('gives the next probe leave when one does not come back, or was cancelled', () => {
    const { clock, breaker } = broken();
    clock.pass(100);
    const lost = breaker.permit();
    clock.pass(99);
    expect(breaker.permit()).toBeUndefined();
    clock.pass(1);
    const second = breaker.permit();
    expect(second).toBeDefined();
    second?.cancelled();
    const third = breaker.permit();
    expect(third).toBeDefined();
    third?.succeeded();
    lost?.failed(); // of an earlier period: counts nothing
    expect(breaker.state).toBe('closed');
  });

  it('keeps its promises under any history', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('ask' as const), at: fc.nat(0) }),
      fc.record({ kind: fc.constantFrom('succeeded', 'failed', 'cancelled' as const), at: fc.nat(20) }),
      fc.record({ kind: fc.constant('pass' as const), at: fc.integer({ min: 1, max: 150 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const clock = new ManualClock();
        const breaker = new CircuitBreaker(OPTIONS, clock);
        const permits: Permit[] = [];
        let openedAt: number | undefined;
        let probes = 0;
        for (const { kind, at } of steps) {
          const before = breaker.state;
          if (kind === 'pass') clock.pass(at);
          else if (kind === 'ask') {
            const { waitMs } = breaker;
            const permit = breaker.permit();
            expect(permit !== undefined).toBe(waitMs === 0);
            if (before === 'open') expect(permit).toBeUndefined();
            if (permit && before !== 'closed') probes += 1;
            if (permit) permits.push(permit);
          } else if (permits.length > 0) {
            const [permit] = permits.splice(at % permits.length, 1);
            permit?.[kind as 'failed']();
            if (before !== 'open' && breaker.state === 'open') openedAt = clock.now();
            if (before !== 'closed' && breaker.state === 'closed') {
              expect(kind).toBe('succeeded'); // only a probe that succeeds closes it
              expect(probes).toBeGreaterThan(0);
            }
          }
          // No longer shut than the bound says.
          expect(breaker.waitMs).toBeLessThanOrEqual(OPTIONS.openMsMax);
          if (openedAt !== undefined && clock.now() < openedAt + OPTIONS.openMs) expect(breaker.state).toBe('open');
        }
      }),
      { numRuns: 300 },
    );
  });
});
