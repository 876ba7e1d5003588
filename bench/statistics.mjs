// Percentiles and medians; pure.

/**
 * The smallest sample that at least this share of all samples do not exceed.
 * @param {Float64Array} sorted in ascending order
 * @param {number} share from 0 to 1
 * @returns {number | null} null where there is no sample
 */
export function percentile(sorted, share) {
  if (sorted.length === 0) return null;
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** @param {number[]} values @returns {number} of an even number of values, the lower one of the middle: a value that was measured */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/** Rounds to so many significant digits, for people and for lines that can be compared. */
export function significant(value, digits = 4) {
  return value === null || value === undefined ? null : Number(value.toPrecision(digits));
}

/**
 * The median of every figure of several rounds of one measurement, also inside objects; what is no figure is taken
 * from the first.
 * @template {object} T
 * @param {T[]} rounds
 * @returns {T}
 */
export function medianOf(rounds) {
  return Object.fromEntries(
    Object.entries(rounds[0]).map(([name, first]) => {
      const values = rounds.map((round) => round[name]);
      if (values.every((value) => typeof value === 'number')) return [name, median(values)];
      const nested = values.every((value) => value !== null && typeof value === 'object');
      return [name, nested ? medianOf(values) : first];
    }),
  );
}
