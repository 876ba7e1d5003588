// Figures sampled over time: whether a series has levelled off, and pictures of it.

/** Growth over the last half that counts as level, as a share of the mean of that half. */
export const GROWTH_MAX = 0.1;

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {string} unit
 * @property {number} step what it grows by at a time, such as one segment of the log: as much is no growth
 * @property {number[]} values one for each sample
 */

/**
 * Fits a line through the last half of a series, by least squares.
 * @param {Series} series @returns {{ isLevel: boolean, mean: number, growth: number, max: number }} growth over that half by the fitted
 * line, in the unit of the series
 */
export function verdictOn({ values, step }) {
  const half = values.slice(Math.floor(values.length / 2));
  const mean = half.reduce((sum, value) => sum + value, 0) / half.length;
  const middle = (half.length - 1) / 2;
  const slope =
    half.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0) /
    half.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
  const growth = slope * (half.length - 1);
  return { isLevel: growth <= Math.max(step, GROWTH_MAX * mean), mean, growth, max: Math.max(...values) };
}

const BARS = '▁▂▃▄▅▆▇█';

/** @param {readonly number[]} values @param {number} [width] columns @returns {string} one line, from zero up to the largest */
export function sparkline(values, width = 60) {
  const max = Math.max(...values, 1);
  const columns = Math.min(width, values.length);
  return Array.from({ length: columns }, (_, column) => {
    const part = values.slice(
      Math.floor((column * values.length) / columns),
      Math.floor(((column + 1) * values.length) / columns),
    );
    return BARS[Math.min(BARS.length - 1, Math.floor((Math.max(...part) / max) * BARS.length))];
  }).join('');
}

/** @param {number} value @returns {string} with three digits or so */
export const short = (value) =>
  Math.abs(value) >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : value.toFixed(Math.abs(value) < 10 ? 1 : 0);

/** @param {readonly Series[]} all @returns {string} one line for each */
export function textChart(all) {
  const names = Math.max(...all.map(({ name }) => name.length));
  return all
    .map((series) => {
      const { isLevel, growth, mean, max } = verdictOn(series);
      const figures = `max ${short(max)} ${series.unit}, mean of the last half ${short(mean)}, its growth ${short(growth)}`;
      return `${isLevel ? 'level ' : 'GROWS '} ${series.name.padEnd(names)} ${sparkline(series.values)}  ${figures}`;
    })
    .join('\n');
}

const PLOT = { width: 300, height: 90, columns: 3, gapX: 24, gapY: 46 };

/** @param {readonly Series[]} all @param {{ title: string, seconds: number }} about @returns {string} an SVG, one small chart for each */
export function svgChart(all, { title, seconds }) {
  const rows = Math.ceil(all.length / PLOT.columns);
  const width = PLOT.columns * (PLOT.width + PLOT.gapX) + PLOT.gapX;
  const height = 40 + rows * (PLOT.height + PLOT.gapY);
  const charts = all.map((series, at) => {
    const x = PLOT.gapX + (at % PLOT.columns) * (PLOT.width + PLOT.gapX);
    const y = 64 + Math.floor(at / PLOT.columns) * (PLOT.height + PLOT.gapY);
    return plot(series, x, y);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${PLOT.gapX}" y="24" font-size="14">${title}; ${Math.round(seconds)} s from left to right, from zero up</text>
${charts.join('\n')}
</svg>
`;
}

function plot(series, x, y) {
  const { isLevel, max } = verdictOn(series);
  const { values } = series;
  const points = values.map((value, at) => {
    const across = (at / Math.max(1, values.length - 1)) * PLOT.width;
    return `${across.toFixed(1)},${(PLOT.height * (1 - value / Math.max(max, 1))).toFixed(1)}`;
  });
  return `<g transform="translate(${x} ${y})">
<text y="-6">${series.name}: at most ${short(max)} ${series.unit}, ${isLevel ? 'level' : 'grows'}</text>
<rect width="${PLOT.width}" height="${PLOT.height}" fill="#f4f4f4"/>
<polyline points="${points.join(' ')}" fill="none" stroke="${isLevel ? '#2563a8' : '#c0392b'}" stroke-width="1.5"/>
</g>`;
}
