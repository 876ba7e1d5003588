// What a run of Jest came to, in the one line that everybody looks for.

/** @typedef {{ passed: number, failed: number }} Counts */

/** @type {Counts} */
export const NO_COUNTS = { passed: 0, failed: 0 };

/**
 * A suite that could not even be loaded is one failure, and so is a run that left no result. Skipped tests count as nothing.
 * @param {{ numPassedTests: number, numFailedTests: number, numRuntimeErrorTestSuites: number } | undefined} result of jest --json
 * @returns {Counts}
 */
export function countsOf(result) {
  if (!result) return { passed: 0, failed: 1 };
  return { passed: result.numPassedTests, failed: result.numFailedTests + result.numRuntimeErrorTestSuites };
}

/** @param {Counts} a @param {Counts} b @returns {Counts} */
export const addCounts = (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed });

/** @param {Counts} counts */
export const closingLine = ({ passed, failed }) => `${passed} passed, ${failed} failed`;
