// The panels of the dashboard as one SVG, drawn from what Prometheus answers: what Grafana will show, without Grafana.

const COLUMNS = 3;
const WIDTH = 420;
const HEIGHT = 190;
const PLOT = { left: 52, right: 10, top: 28, bottom: 44 };
const COLOURS = ['#3b82f6', '#f59e0b', '#10b981', '#ef4444', '#8b5cf6', '#14b8a6', '#ec4899', '#64748b'];
/** More would not be read. */
const LEGENDS_MAX = 6;
const LEGEND_CHARACTERS_MAX = 58;

const UNITS = {
  s: [
    [1, 's'],
    [1e-3, 'ms'],
    [1e-6, 'µs'],
  ],
  ops: [[1, '/s']],
  reqps: [[1, '/s']],
  Bps: [
    [1e6, 'MB/s'],
    [1e3, 'kB/s'],
    [1, 'B/s'],
  ],
  short: [
    [1e6, 'M'],
    [1e3, 'k'],
    [1, ''],
  ],
};

/**
 * @typedef {object} DrawnPanel
 * @property {string} title
 * @property {keyof typeof UNITS} unit
 * @property {{ legend: string, points: [number, number][] }[]} series points as Unix time in s and value
 */

/** @param {readonly DrawnPanel[]} panels @param {string} caption @returns {string} an SVG */
export function pictureOf(panels, caption) {
  const rows = Math.ceil(panels.length / COLUMNS);
  const [width, height] = [COLUMNS * WIDTH, rows * HEIGHT + 34];
  const drawn = panels.map((panel, index) => {
    const [x, y] = [(index % COLUMNS) * WIDTH, 34 + Math.floor(index / COLUMNS) * HEIGHT];
    return `<g transform="translate(${x} ${y})">${panelOf(panel)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="10" fill="#334155">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="12" y="22" font-size="14">${escaped(caption)}</text>`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function panelOf({ title, unit, series }) {
  const points = series.flatMap((one) => one.points).filter(([, value]) => Number.isFinite(value));
  const [from, to] = [Math.min(...points.map(([at]) => at)), Math.max(...points.map(([at]) => at))];
  const top = Math.max(...points.map(([, value]) => value), 0) || 1;
  const plotWidth = WIDTH - PLOT.left - PLOT.right;
  const plotHeight = HEIGHT - PLOT.top - PLOT.bottom;
  const x = (at) => (PLOT.left + ((at - from) / Math.max(to - from, 1)) * plotWidth).toFixed(0);
  const y = (value) => (PLOT.top + plotHeight * (1 - value / top)).toFixed(1);
  const lines = series.map(({ points: own }, index) => {
    const path = own.filter(([, value]) => Number.isFinite(value)).map(([at, value]) => `${x(at)},${y(value)}`);
    return `<polyline points="${path.join(' ')}" fill="none" stroke="${colour(index)}" stroke-width="1.5"/>`;
  });
  const scale = [0, 0.5, 1].map((share) => {
    const at = y(share * top);
    const label = `<text x="${PLOT.left - 4}" y="${at}" text-anchor="end" dy="3">${format(share * top, unit, top)}</text>`;
    return `${label}<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${at}" y2="${at}" stroke="#e2e8f0"/>`;
  });
  const empty =
    points.length === 0 ? `<text x="${WIDTH / 2}" y="${HEIGHT / 2}" text-anchor="middle">no series</text>` : '';
  const heading = `<text x="12" y="16" font-size="12" font-weight="bold">${escaped(title)}</text>`;
  return [heading, ...(empty ? [empty] : [...scale, ...lines]), legendsOf(series)].join('');
}

function legendsOf(series) {
  const lines = [];
  for (const [index, { legend }] of series.slice(0, LEGENDS_MAX).entries()) {
    const last = lines.at(-1);
    if (last && last.length + legend.length + 3 <= LEGEND_CHARACTERS_MAX) last.entries.push([index, legend]);
    else lines.push({ length: 0, entries: [[index, legend]] });
    lines.at(-1).length += legend.length + 3;
  }
  const texts = lines.slice(0, 3).map(({ entries }, row) => {
    const words = entries.map(([index, legend]) => `<tspan fill="${colour(index)}">■</tspan> ${escaped(legend)}`);
    return `<text x="${PLOT.left}" y="${HEIGHT - 30 + row * 12}">${words.join('  ')}</text>`;
  });
  return texts.join('');
}

const colour = (index) => COLOURS[index % COLOURS.length];

/** All labels of one axis in the same unit. */
function format(value, unit, top) {
  const steps = UNITS[unit];
  const [size, name] = steps.find(([step]) => top >= step) ?? steps.at(-1);
  return `${Number((value / size).toPrecision(2))}${name && ` ${name}`}`;
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
