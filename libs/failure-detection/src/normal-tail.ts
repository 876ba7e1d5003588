/** How unlikely a large value of a normal distribution is, also where the probability itself is too small for a double. */

const LOG10_E = Math.LOG10E;
const LOG10_ROOT_TWO_PI = Math.log10(Math.sqrt(2 * Math.PI));
/** Below this, one minus the distribution keeps its digits; above it, the continued fraction converges fast. */
const SERIES_MAX = 3;
const SERIES_TERMS = 120;
const FRACTION_LEVELS = 60;

/**
 * @param deviations distance from the mean, in standard deviations
 * @returns the decimal logarithm of the probability of a larger value: 0 far below the mean, -0.301 at it
 */
export function normalTailLog10(deviations: number): number {
  if (deviations < 0) return Math.log1p(-(10 ** normalTailLog10(-deviations))) * LOG10_E; // the other side is the rest
  if (deviations < SERIES_MAX) return Math.log10(0.5 - centralPart(deviations));
  return -(deviations * deviations * LOG10_E) / 2 - LOG10_ROOT_TWO_PI - Math.log10(inverseMillsRatio(deviations));
}

/** The probability of a value between the mean and `z`; its series around the mean. */
function centralPart(z: number): number {
  let term = z;
  let sum = z;
  for (let k = 1; k < SERIES_TERMS; k += 1) {
    term *= (z * z) / (2 * k + 1);
    sum += term;
  }
  return (sum * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}

/** Density divided by tail, by Laplace's continued fraction z + 1/(z + 2/(z + 3/(z + …))). */
function inverseMillsRatio(z: number): number {
  let ratio = z;
  for (let level = FRACTION_LEVELS; level >= 1; level -= 1) ratio = z + level / ratio;
  return ratio;
}
