// Draws a flame graph of a V8 CPU profile: node scripts/flame-graph.mjs profile.cpuprofile graph.svg [title]
// Profiles come from `node --cpu-prof`. Width is time; colour tells our own code from packages and from Node itself.
import { readFile, writeFile } from 'node:fs/promises';
import { escapeXml } from './lib/escape-xml.mjs';

const [input, output, title = 'flame graph'] = process.argv.slice(2);
if (!input || !output) {
  console.error('usage: node scripts/flame-graph.mjs PROFILE.cpuprofile GRAPH.svg [TITLE]');
  process.exit(2);
}
const WIDTH = 1200;
const ROW = 16;
const SHARE_MIN = 0.0015;
const LEFT_OUT = new Set(['(idle)', '(program)', '(root)']);

const profile = JSON.parse(await readFile(input, 'utf8'));
const tree = mergeTree(profile);
const rows = [];
layOut(tree, 0, 0);
await writeFile(output, draw());

/** Frames by name below their callers, each with its total time in microseconds. */
function mergeTree({ nodes, samples, timeDeltas }) {
  const own = new Map();
  for (const [at, id] of samples.entries()) own.set(id, (own.get(id) ?? 0) + timeDeltas[at]);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const merge = (ids) => {
    const merged = new Map();
    for (const id of ids) {
      const node = byId.get(id);
      const { functionName, url } = node.callFrame;
      if (LEFT_OUT.has(functionName)) continue;
      const name = functionName || '(anonymous)';
      const key = `${name} ${url}`;
      const frame = merged.get(key) ?? { name, url, time: 0, childIds: [] };
      frame.time += own.get(id) ?? 0;
      frame.childIds.push(...(node.children ?? []));
      merged.set(key, frame);
    }
    return [...merged.values()].map(({ childIds, ...frame }) => {
      const children = merge(childIds).sort((a, b) => b.time - a.time);
      return { ...frame, children, time: frame.time + children.reduce((sum, child) => sum + child.time, 0) };
    });
  };
  const children = merge(nodes[0].children).sort((a, b) => b.time - a.time);
  return { name: 'all', url: '', children, time: children.reduce((sum, child) => sum + child.time, 0) };
}

function layOut(frame, depth, start) {
  if (frame.time / tree.time < SHARE_MIN) return;
  rows.push({ ...frame, depth, start });
  let at = start;
  for (const child of frame.children) {
    layOut(child, depth + 1, at);
    at += child.time;
  }
}

function draw() {
  const height = (Math.max(...rows.map((row) => row.depth)) + 3) * ROW;
  const boxes = rows.map(({ name, url, time, depth, start }) => {
    const x = (start / tree.time) * WIDTH;
    const width = (time / tree.time) * WIDTH;
    const y = height - (depth + 1) * ROW;
    const share = `${((time / tree.time) * 100).toFixed(1)} %`;
    const label = width > 40 ? escapeXml(name.slice(0, Math.floor(width / 7))) : '';
    const box = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colourOf(url)}"/>`;
    const text = label && `<text x="${(x + 3).toFixed(1)}" y="${y + 11}">${label}</text>`;
    return `<g><title>${escapeXml(name)} ${escapeXml(shortOf(url))} ${share}</title>${box}${text}</g>`;
  });
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">`;
  return `${head}\n<text x="4" y="14" font-size="13">${escapeXml(title)}</text>\n${boxes.join('\n')}\n</svg>\n`;
}

function colourOf(url) {
  if (url.includes('/libs/') || url.includes('/scripts/')) return '#f4a261';
  if (url.includes('/node_modules/')) return '#8ecae6';
  return '#d9d9d9';
}

function shortOf(url) {
  return url.split('/').slice(-2).join('/');
}
