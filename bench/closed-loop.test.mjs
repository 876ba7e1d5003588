import { describe, expect, it } from '@jest/globals';
import { closedLoop } from './closed-loop.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a closed loop', () => {
  it('keeps so many calls in flight and never more', async () => {
    let inFlight = 0;
    let most = 0;
    const once = async () => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await pause(1);
      inFlight -= 1;
    };
    const { count, elapsedMs } = await closedLoop(once, { concurrency: 7, warmupMs: 0, durationMs: 60 });
    expect(most).toBe(7);
    expect(inFlight).toBe(0);
    expect(count).toBeGreaterThan(0);
    expect(elapsedMs).toBeGreaterThan(0);
  });

  it('counts neither the warm-up nor what other outcome a call had', async () => {
    let calls = 0;
    let inWindow = false;
    const events = [];
    const once = async (caller) => {
      await pause(1);
      if (inWindow && caller === 0) calls += 1;
      return caller === 1 ? 'failed: no luck' : undefined;
    };
    const result = await closedLoop(once, {
      concurrency: 2,
      warmupMs: 40,
      durationMs: 60,
      onBegin: () => {
        inWindow = true;
        events.push('begin');
      },
      onEnd: () => {
        inWindow = false;
        events.push('end');
      },
    });
    expect(events).toEqual(['begin', 'end']);
    expect(result.count).toBe(calls);
    expect(result.otherwise['failed: no luck']).toBeGreaterThan(0);
  });
});
