import { describe, expect, it } from '@jest/globals';
import { RESEND_CAP_MS, RESEND_FIRST_MS, resendDelayMs } from './backoff.js';

describe('the delay before a resend', () => {
  it('doubles from attempt to attempt and stays at its cap', () => {
    const delays = [0, 1, 2, 3, 1000].map((attempt) => resendDelayMs(attempt, 1));
    expect(delays).toEqual([RESEND_FIRST_MS, 2 * RESEND_FIRST_MS, RESEND_CAP_MS, RESEND_CAP_MS, RESEND_CAP_MS]);
  });

  it('is half fixed and half random, so that resends of many transactions spread', () => {
    expect(resendDelayMs(0, 0)).toBe(RESEND_FIRST_MS / 2);
    expect(resendDelayMs(0, 0.5)).toBe((RESEND_FIRST_MS * 3) / 4);
  });

  it('is never shorter than what slow answers take, and as ever where they are quick', () => {
    for (const attempt of [0, 1, 10]) {
      expect(resendDelayMs(attempt, 0, 5000)).toBeGreaterThanOrEqual(5000);
      expect(resendDelayMs(attempt, 0.7, 20)).toBe(resendDelayMs(attempt, 0.7));
    }
  });
});
