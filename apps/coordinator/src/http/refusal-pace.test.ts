import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { HOLD_MS, RefusalPace } from './refusal-pace.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('the pace of refusals', () => {
  it('answers a hundred a second at once, and the rest late, for each caller on its own', async () => {
    const pace = new RefusalPace();
    const now = Date.now();
    const asked = Array.from({ length: 300 }, () => pace.before('rude', now));
    expect(asked.filter((held) => held === undefined).length).toBe(100);
    expect(pace.before('modest', now)).toBeUndefined();
    let answered = 0;
    for (const held of asked) void held?.then(() => (answered += 1));
    await jest.advanceTimersByTimeAsync(HOLD_MS - 1);
    expect(answered).toBe(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(answered).toBe(200);
    expect(pace.before('rude', now + 1000)).toBeUndefined();
  });

  it('holds no more than so many back', () => {
    const pace = new RefusalPace();
    const held = Array.from({ length: 20_000 }, () => pace.before('rude', 1e6)).filter((one) => one !== undefined);
    expect(held.length).toBe(5000);
  });
});
