import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TimerWheel } from './timer-wheel.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const RESOLUTION_MS = 25;

function start() {
  const due: { item: string; late: number }[] = [];
  const wishes = new Map<string, number>();
  const wheel = new TimerWheel<string>(RESOLUTION_MS, Date.now, (item) => {
    due.push({ item, late: Date.now() - (wishes.get(item) ?? 0) });
  });
  const schedule = (item: string, inMs: number) => {
    wishes.set(item, Date.now() + inMs);
    wheel.schedule(Date.now() + inMs, item);
  };
  return { due, wheel, schedule };
}

describe('the timer wheel', () => {
  it('wakes each wish once, never early and at most two ticks late', () => {
    const { due, schedule } = start();
    for (let ms = 0; ms <= 500; ms += 7) schedule(`in ${ms}`, ms);
    jest.advanceTimersByTime(1000);
    expect(new Set(due.map(({ item }) => item)).size).toBe(72);
    expect(due).toHaveLength(72);
    for (const { late } of due) {
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThanOrEqual(2 * RESOLUTION_MS);
    }
  });

  it('wakes a wish of the past at the next tick, not from within schedule', () => {
    const { due, schedule } = start();
    schedule('past', -10_000);
    expect(due).toEqual([]);
    jest.advanceTimersByTime(2 * RESOLUTION_MS);
    expect(due.map(({ item }) => item)).toEqual(['past']);
  });

  it('wakes everything in its order after a long pause of the process', () => {
    const { due, schedule } = start();
    for (const ms of [90_000, 30, 3_600_000, 500]) schedule(`in ${ms}`, ms);
    schedule('later', 7_200_000);
    jest.setSystemTime(Date.now() + 3_700_000); // no tick runs meanwhile
    jest.advanceTimersByTime(RESOLUTION_MS);
    expect(due.map(({ item }) => item)).toEqual(['in 30', 'in 500', 'in 90000', 'in 3600000']);
    schedule('new', 10);
    jest.advanceTimersByTime(4 * RESOLUTION_MS);
    expect(due.at(-1)?.item).toBe('new');
  });

  it('takes wishes made while it wakes others', () => {
    const woken: number[] = [];
    const wheel: TimerWheel<number> = new TimerWheel(RESOLUTION_MS, Date.now, (count) => {
      woken.push(count);
      if (count < 5) wheel.schedule(Date.now(), count + 1);
    });
    wheel.schedule(Date.now(), 1);
    jest.advanceTimersByTime(20 * RESOLUTION_MS);
    expect(woken).toEqual([1, 2, 3, 4, 5]);
  });

  it('wakes nobody after it was stopped', () => {
    const { due, wheel, schedule } = start();
    schedule('soon', 10);
    wheel.stop();
    jest.advanceTimersByTime(1000);
    expect(due).toEqual([]);
  });
});
