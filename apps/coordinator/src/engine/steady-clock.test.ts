import { describe, expect, it } from '@jest/globals';
import { SteadyClock } from './steady-clock.js';

describe('the steady clock', () => {
  it('shows wall time, follows it forward, and goes on at its own pace when it is set back', () => {
    let wall = 1_000_000;
    let elapsed = 50.25;
    const clock = new SteadyClock(
      () => wall,
      () => elapsed,
    );
    const pass = (ms: number) => {
      wall += ms;
      elapsed += ms;
    };
    expect(clock.now()).toBe(1_000_000);
    pass(10);
    expect(clock.now()).toBe(1_000_010);
    wall += 60_000; // set forward, or the machine slept
    expect(clock.now()).toBe(1_060_010);
    wall -= 3_600_000; // set back by an hour
    expect(clock.now()).toBe(1_060_010);
    pass(500);
    expect(clock.now()).toBe(1_060_510);
    wall += 3_600_100;
    expect(clock.now()).toBe(1_060_610);
  });
});
