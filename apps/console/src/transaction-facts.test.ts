import { describe, expect, it } from '@jest/globals';
import { outcomeOf, takenMs } from './transaction-facts.js';

const undecided = { csn: null, decidedAt: null, outcomeReason: null, status: 'preparing' } as const;

describe('the outcome of a transaction', () => {
  it('is known by its number, its reason, its time or its status', () => {
    const reason = { code: 'timeout', message: '', retryable: true };
    expect(outcomeOf(undecided)).toBe('undecided');
    expect(outcomeOf({ ...undecided, csn: 4, status: 'completed' })).toBe('committed');
    expect(outcomeOf({ ...undecided, outcomeReason: reason, status: 'completed' })).toBe('aborted');
    expect(outcomeOf({ ...undecided, status: 'aborted' })).toBe('aborted');
  });

  it('took from begin to decision', () => {
    const createdAt = '2026-01-01T00:00:00.000Z';
    expect(takenMs({ createdAt, decidedAt: '2026-01-01T00:00:00.012Z' })).toBe(12);
    expect(takenMs({ createdAt, decidedAt: null })).toBeNull();
  });
});
