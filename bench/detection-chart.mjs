// The measurement of failure detectors, as a picture and as a table.

const PANEL = { width: 250, height: 190, columns: 4, gapX: 52, gapY: 66, left: 56, top: 74 };
const SECONDS_MAX = 12;
/** Below what could be seen in the time that was simulated. */
const FLOOR_EXPONENT = -1.3;
const TOP_EXPONENT = 4.5;

/**
 * @typedef {{ name: string, colour: string, dash?: string, label?: (limit: number) => string | undefined, points: import('./detection.mjs').Measured[] }} Curve
 * @typedef {{ name: string, about: string, curves: Curve[], chosen: import('./detection.mjs').Measured }} Panel
 */

/** @param {readonly Panel[]} panels @param {string} title @returns {string} an SVG */
export function detectionChart(panels, title) {
  const cells = panels.length + 1;
  const rows = Math.ceil(cells / PANEL.columns);
  const width = PANEL.left + PANEL.columns * (PANEL.width + PANEL.gapX) + 20;
  const height = PANEL.top + rows * (PANEL.height + PANEL.gapY);
  const place = (at) => [
    PANEL.left + (at % PANEL.columns) * (PANEL.width + PANEL.gapX),
    PANEL.top + Math.floor(at / PANEL.columns) * (PANEL.height + PANEL.gapY),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${PANEL.left}" y="26" font-size="14">${title}</text>
<text x="${PANEL.left}" y="44" fill="#555">Across: mean time until a death is noticed, in seconds. Up: how often a day a living participant was called down. Lower left is better.</text>
${panels.map((panel, at) => panelOf(panel, ...place(at))).join('\n')}
${legend(panels[0].curves, ...place(panels.length))}
</svg>
`;
}

const across = (ms) => (Math.min(ms / 1000, SECONDS_MAX) / SECONDS_MAX) * PANEL.width;
const exponentOf = (perDay) => (perDay > 0 ? Math.max(Math.log10(perDay), FLOOR_EXPONENT + 0.2) : FLOOR_EXPONENT);
const up = (perDay) => PANEL.height * (1 - (exponentOf(perDay) - FLOOR_EXPONENT) / (TOP_EXPONENT - FLOOR_EXPONENT));

function panelOf({ name, about, curves, chosen }, x, y) {
  const grid = [0, 1, 2, 3, 4].map((exponent) => {
    const at = up(10 ** exponent).toFixed(1);
    return `<path d="M0 ${at}H${PANEL.width}" stroke="#e2e2e2"/><text x="-6" y="${Number(at) + 4}" text-anchor="end" fill="#555">${10 ** exponent}</text>`;
  });
  const seconds = [0, 2, 4, 6, 8, 10, 12].map(
    (second) =>
      `<text x="${across(second * 1000).toFixed(1)}" y="${PANEL.height + 14}" text-anchor="middle" fill="#555">${second}</text>`,
  );
  return `<g transform="translate(${x} ${y})">
<text y="-8"><tspan font-weight="bold">${name}</tspan> <tspan fill="#555">${about}</tspan></text>
<rect width="${PANEL.width}" height="${PANEL.height}" fill="#fafafa"/>
${grid.join('')}
<text x="-6" y="${PANEL.height + 3}" text-anchor="end" fill="#555">none</text>
${seconds.join('')}
${curves.map(curveOf).join('\n')}
<circle cx="${across(chosen.meanMs).toFixed(1)}" cy="${up(chosen.mistakesPerDay).toFixed(1)}" r="6" fill="none" stroke="#000" stroke-width="1.5"/>
</g>`;
}

function curveOf({ colour, dash, points }) {
  const shown = points.filter(({ meanMs }) => meanMs <= SECONDS_MAX * 1000);
  const path = shown.map(
    ({ meanMs, mistakesPerDay }) => `${across(meanMs).toFixed(1)},${up(mistakesPerDay).toFixed(1)}`,
  );
  const dots = path.map((at) => `<circle cx="${at.split(',')[0]}" cy="${at.split(',')[1]}" r="1.8" fill="${colour}"/>`);
  return `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"${dash ? ` stroke-dasharray="${dash}"` : ''}/>${dots.join('')}`;
}

function legend(curves, x, y) {
  const lines = curves.map(
    ({ name, colour, dash }, at) =>
      `<path d="M0 ${at * 22 + 8}h28" stroke="${colour}" stroke-width="2"${dash ? ` stroke-dasharray="${dash}"` : ''}/><text x="36" y="${at * 22 + 12}">${name}</text>`,
  );
  const end = curves.length * 22 + 8;
  return `<g transform="translate(${x} ${y})">${lines.join('')}<circle cx="14" cy="${end}" r="6" fill="none" stroke="#000" stroke-width="1.5"/><text x="36" y="${end + 4}">what the coordinator does</text></g>`;
}

const figure = (value) => (value === 0 ? '0' : value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en'));
const cell = ({ meanMs, p99Ms, mistakesPerDay }) =>
  `${(meanMs / 1000).toFixed(1)} / ${(p99Ms / 1000).toFixed(1)} s · ${figure(mistakesPerDay)}`;

/**
 * @param {readonly { name: string, about: string, columns: { name: string, measured: import('./detection.mjs').Measured }[] }[]} rows
 * @returns {string} in Markdown: mean and 99th percentile of the detection time, and mistakes a day
 */
export function detectionTable(rows) {
  const head = ['surroundings', ...rows[0].columns.map(({ name }) => name)];
  const lines = rows.map(({ name, about, columns }) => [
    `**${name}**: ${about}`,
    ...columns.map(({ measured }) => cell(measured)),
  ]);
  return [head, head.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n');
}
