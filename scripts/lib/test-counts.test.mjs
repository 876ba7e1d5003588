import { describe, expect, it } from '@jest/globals';
import { addCounts, closingLine, countsOf } from './test-counts.mjs';

describe('the closing line of a test run', () => {
  it('counts a suite that could not be loaded as a failure', () => {
    const counts = countsOf({ numPassedTests: 7, numFailedTests: 2, numRuntimeErrorTestSuites: 1 });
    expect(closingLine(counts)).toBe('7 passed, 3 failed');
  });

  it('counts a run without a result as a failure', () => {
    expect(closingLine(addCounts({ passed: 5, failed: 0 }, countsOf(undefined)))).toBe('5 passed, 1 failed');
  });
});
