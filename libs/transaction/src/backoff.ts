/** First resend after this many ms; each later one after twice the time before, up to the cap, less a random part. */
export const RESEND_FIRST_MS = 1000;
export const RESEND_CAP_MS = 4000;

/**
 * Exponential backoff with a cap and jitter (equal jitter: half fixed, half random).
 * @param attempt how many resends there have been, from 0
 * @param random a number in [0, 1)
 * @param answersLateMs later than almost every answer comes: no resend before that, whatever the cap
 * @returns ms to wait until the next one
 */
export function resendDelayMs(attempt: number, random: number, answersLateMs = 0): number {
  const usual = Math.min(RESEND_CAP_MS, RESEND_FIRST_MS * 2 ** Math.min(attempt, 10));
  const full = Math.max(usual, 2 * answersLateMs);
  return Math.round(full / 2 + (full / 2) * random);
}
