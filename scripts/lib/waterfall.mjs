// Draws the spans of one trace as a waterfall: an SVG that needs nothing else, readable in light and dark pages.
import { escapeXml } from './escape-xml.mjs';

/** @typedef {import('../../test/product/spans.mjs').Span} Span */

const WIDTH = 1120;
const NAMES_WIDTH = 330;
const ROW_HEIGHT = 24;
const BAR_HEIGHT = 14;
const TOP = 84;
const INDENT = 14;
const RIGHT = 78;
const BAR_WIDTH_MIN = 2;
const TICKS = 6;
const ERROR = 2;
/** One hue for each service, in the order of their first span. */
const HUES = ['#3566c8', '#b4541a', '#2a7d4f', '#8a3fa8', '#9a6a00', '#0b7a8c'];

/**
 * @param {Span[]} spans of one trace
 * @param {string} title
 * @returns {string}
 */
export function drawWaterfall(spans, title) {
  const rows = inOrder(spans);
  const begin = Math.min(...spans.map(({ startMs }) => startMs));
  const total = Math.max(...spans.map(({ endMs }) => endMs)) - begin;
  const services = [...new Set(rows.map(({ span }) => span.service))];
  const hueOf = (service) => HUES[services.indexOf(service) % HUES.length];
  const scale = (WIDTH - NAMES_WIDTH - RIGHT) / total;
  const xOf = (ms) => NAMES_WIDTH + (ms - begin) * scale;
  const height = TOP + rows.length * ROW_HEIGHT + 14;
  const body = [
    `<text class="title" x="16" y="24">${escapeXml(title)}</text>`,
    ...legend(services, hueOf),
    ...rows.map((_, index) => band(index)).filter((line) => line !== ''),
    ...ticks(total, scale, height),
    ...rows.flatMap(({ span, depth }, index) => row(span, { depth, index, xOf, hue: hueOf(span.service) })),
  ];
  return `${head(height, title)}\n${body.join('\n')}\n</svg>\n`;
}

/** Each span below its parent, in the order of time. @param {Span[]} spans */
function inOrder(spans) {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const below = Map.groupBy(spans, ({ parentSpanId }) => (ids.has(parentSpanId) ? parentSpanId : ''));
  const rows = [];
  const add = (id, depth) => {
    for (const span of (below.get(id) ?? []).toSorted((a, b) => a.startMs - b.startMs)) {
      rows.push({ span, depth });
      add(span.spanId, depth + 1);
    }
  };
  add('', 0);
  return rows;
}

function row(span, { depth, index, xOf, hue }) {
  const y = TOP + index * ROW_HEIGHT;
  const x = xOf(span.startMs);
  const width = Math.max(BAR_WIDTH_MIN, xOf(span.endMs) - x);
  const failed = span.status?.code === ERROR;
  const took = `${(span.endMs - span.startMs).toFixed(1)} ms`;
  const indent = 16 + depth * INDENT;
  const baseline = y + ROW_HEIGHT / 2 + 4;
  return [
    `<circle cx="${indent}" cy="${y + ROW_HEIGHT / 2}" r="4" fill="${hue}"/>`,
    `<text x="${indent + 10}" y="${baseline}">${escapeXml(span.name)}</text>`,
    `<rect x="${x.toFixed(1)}" y="${y + (ROW_HEIGHT - BAR_HEIGHT) / 2}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2" fill="${hue}"${failed ? ' class="failed"' : ''}/>`,
    `<text class="took" x="${(x + width + 6).toFixed(1)}" y="${baseline}">${took}</text>`,
  ];
}

const band = (index) =>
  index % 2 === 0
    ? `<rect class="band" x="0" y="${TOP + index * ROW_HEIGHT}" width="${WIDTH}" height="${ROW_HEIGHT}"/>`
    : '';

function legend(services, hueOf) {
  let x = 16;
  return services.map((service) => {
    const at = x;
    x += 34 + service.length * 6.2;
    return `<circle cx="${at + 4}" cy="44" r="4" fill="${hueOf(service)}"/><text class="service" x="${at + 14}" y="48">${escapeXml(service)}</text>`;
  });
}

/** Lines at round times. */
function ticks(total, scale, height) {
  const rough = total / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const lines = [];
  for (let ms = 0; ms <= total; ms += step) {
    const x = (NAMES_WIDTH + ms * scale).toFixed(1);
    lines.push(`<line x1="${x}" y1="${TOP}" x2="${x}" y2="${height - 10}"/>`);
    lines.push(`<text class="tick" x="${x}" y="${TOP - 6}">${Number(ms.toFixed(3))} ms</text>`);
  }
  return lines;
}

const head = (height, title) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>${escapeXml(title)}</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #1d2430; }
.title { font-size: 15px; font-weight: 600; }
.took, .tick, .service { fill: #4a5466; font-size: 11px; }
.tick { text-anchor: middle; }
line { stroke: #c9d0da; stroke-dasharray: 2 3; }
.page { fill: #ffffff; }
.band { fill: #f2f4f7; }
.failed { stroke: #c1121f; stroke-width: 2; }
</style>
<rect class="page" width="${WIDTH}" height="${height}"/>`;
