// Goodput and latency over the load that is offered, as a table and as a picture.

const PLOT = { width: 380, height: 190, left: 56, top: 70, gap: 84 };
const COLOURS = { goodput: '#2563a8', refused: '#c0392b', ideal: '#999', p50: '#2563a8', p99: '#d97706' };

/** @param {import('./overload.mjs').Step[]} steps @returns {string} Markdown */
export function overloadTable(steps) {
  const lines = steps.map((step) => {
    const { offered, multiple, goodput, p50Ms, p99Ms, refusedPerSecond, unsent, toldMs, cores } = step;
    const told = toldMs ? `${toldMs.p50 / 1000} (${toldMs.min / 1000}–${toldMs.max / 1000})` : '–';
    const cells = [
      multiple === null ? '' : `${multiple} ×`,
      whole(offered),
      whole(goodput),
      whole(refusedPerSecond),
      unsent,
    ];
    const times = [whole(p50Ms), whole(p99Ms), told];
    const used = [cores.system, cores.coordinator, cores.generator, cores.elsewhere].map((value) => value.toFixed(2));
    return `| ${[...cells, ...times, used.join(' · ')].join(' | ')} |`;
  });
  return [
    '| of the peak | offered/s | committed/s | refused/s | unsent | p50 ms | p99 ms | told to wait, s | cores: system · coordinator of it · generator · others |',
    '|--:|--:|--:|--:|--:|--:|--:|---|---|',
    ...lines,
  ].join('\n');
}

/** @param {{ peak: number, search: import('./overload.mjs').Step[], steps: import('./overload.mjs').Step[] }} result @param {string} title @returns {string} an SVG */
export function overloadChart({ peak, search, steps }, title) {
  const all = [...search, ...steps].sort((a, b) => a.offered - b.offered);
  const width = 2 * (PLOT.left + PLOT.width) + PLOT.gap + 24;
  const height = PLOT.top + PLOT.height + 60;
  const offeredMax = Math.max(...all.map(({ offered }) => offered));
  const goodput = panel(0, 'per second', 1.3 * peak, offeredMax, peak, [
    {
      name: 'offered',
      colour: COLOURS.ideal,
      points: [
        [0, 0],
        [1.3 * peak, 1.3 * peak],
      ],
    },
    { name: 'committed', colour: COLOURS.goodput, points: all.map((step) => [step.offered, step.goodput]) },
  ]);
  const latencyMax = 1.15 * Math.max(...all.map(({ p99Ms }) => p99Ms ?? 0));
  const latency = panel(PLOT.left + PLOT.width + PLOT.gap, 'ms from due to committed', latencyMax, offeredMax, peak, [
    { name: 'p99', colour: COLOURS.p99, points: all.map((step) => [step.offered, step.p99Ms ?? 0]) },
    { name: 'p50', colour: COLOURS.p50, points: all.map((step) => [step.offered, step.p50Ms ?? 0]) },
  ]);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${PLOT.left}" y="24" font-size="14">${title}</text>
<text x="${PLOT.left}" y="42">across: load offered per second, open loop, refused calls are not repeated; dashed: the peak (${whole(peak)}/s)</text>
${goodput}
${latency}
</svg>
`;
}

function panel(x, unit, yMax, xMax, peak, series) {
  const across = (value) => PLOT.left + (value / xMax) * PLOT.width;
  const down = (value) => PLOT.height * (1 - value / yMax);
  const lines = series.map(({ colour, points }) => {
    const path = points.map(([a, b]) => `${across(a).toFixed(1)},${down(b).toFixed(1)}`).join(' ');
    const dots = points.map(
      ([a, b]) => `<circle cx="${across(a).toFixed(1)}" cy="${down(b).toFixed(1)}" r="2.5" fill="${colour}"/>`,
    );
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>${dots.join('')}`;
  });
  const legend = series.map(
    ({ name, colour }, at) => `<text x="${PLOT.left + 8 + at * 80}" y="-6" fill="${colour}">${name}</text>`,
  );
  const yTicks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = down(share * yMax).toFixed(1);
    return `<line x1="${PLOT.left}" x2="${PLOT.left + PLOT.width}" y1="${y}" y2="${y}" stroke="#e2e2e2"/><text x="${PLOT.left - 6}" y="${Number(y) + 4}" text-anchor="end">${whole(share * yMax)}</text>`;
  });
  const xTicks = [1, 2, 3, 4, 5].map((multiple) => {
    const at = across(multiple * peak);
    return at > PLOT.left + PLOT.width + 1
      ? ''
      : `<text x="${at.toFixed(1)}" y="${PLOT.height + 16}" text-anchor="middle">${multiple} ×</text>`;
  });
  const dashed =
    unit === 'per second'
      ? `<line x1="${PLOT.left}" x2="${PLOT.left + PLOT.width}" y1="${down(peak).toFixed(1)}" y2="${down(peak).toFixed(1)}" stroke="#666" stroke-dasharray="4 3"/>`
      : '';
  return `<g transform="translate(${x} ${PLOT.top})">
${yTicks.join('\n')}
${xTicks.join('')}
<text x="${PLOT.left + PLOT.width}" y="${PLOT.height + 34}" text-anchor="end">${unit}, over multiples of the peak</text>
${dashed}
${lines.join('\n')}
${legend.join('')}
</g>`;
}

const whole = (value) => (value === null || value === undefined ? '–' : String(Math.round(value)));
