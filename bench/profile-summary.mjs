// What a CPU profile says, in a few lines: where the time was spent, by package and by function.
//   node bench/profile-summary.mjs DIR/empty-128-coordinator.cpuprofile [--top 25]
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

const MS_PER_US = 0.001;

/** @param {string} url of a script @returns {string} `node_modules/<package>`, or the folder of ours */
function packageOf(url) {
  if (url === '') return '(engine)';
  if (url.startsWith('node:')) return url.split('/')[0];
  const installed = url.lastIndexOf('node_modules/');
  if (installed >= 0) {
    const [first, second] = url.slice(installed + 'node_modules/'.length).split('/');
    return first.startsWith('@') ? `${first}/${second}` : first;
  }
  return /(?:libs|apps)\/[^/]+\/dist(?:\/[^/]+(?=\/))?/.exec(url)?.[0].replace('/dist', '') ?? url;
}

/** @param {object} profile as Chromium writes it @returns ms spent in each node itself, without what it called */
function selfTimes({ nodes, samples, timeDeltas }) {
  const self = new Map(nodes.map(({ id }) => [id, 0]));
  for (const [index, id] of samples.entries()) self.set(id, self.get(id) + timeDeltas[index] * MS_PER_US);
  return self;
}

/** @returns {[string, number][]} largest first */
const largest = (sums) => [...sums].sort(([, a], [, b]) => b - a);

const add = (sums, key, value) => sums.set(key, (sums.get(key) ?? 0) + value);

/** Time in a function with all it called, counted once however often it recurs on the stack. */
function totals(nodes, self, nameOf) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const sums = new Map();
  const visit = (node, above) => {
    const name = nameOf(node);
    const fresh = !above.has(name);
    const inside = fresh ? new Set(above).add(name) : above;
    let sum = self.get(node.id);
    for (const child of node.children ?? []) sum += visit(byId.get(child), inside);
    if (fresh) add(sums, name, sum);
    return sum;
  };
  visit(nodes[0], new Set());
  return sums;
}

const short = (url) => url.replace(/^.*\/node_modules\//, '').replace(/^file:.*\/((?:libs|apps|bench)\/)/, '$1');

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { top: { type: 'string', default: '25' } },
  });
  const top = Number(values.top);
  for (const file of positionals) {
    const profile = JSON.parse(await readFile(file, 'utf8'));
    const self = selfTimes(profile);
    const whole = [...self.values()].reduce((sum, ms) => sum + ms, 0);
    const nameOf = ({ callFrame: { functionName, url, lineNumber } }) =>
      `${functionName || '(anonymous)'}  ${url === '' ? '' : `${short(url)}:${lineNumber + 1}`}`;
    const packages = new Map();
    const functions = new Map();
    let idle = 0;
    for (const node of profile.nodes) {
      // Starting the profiler counts as idle too: it is no work of the process.
      if (node.callFrame.functionName === '(idle)' || node.callFrame.url === 'node:inspector')
        idle += self.get(node.id);
      else {
        add(packages, packageOf(node.callFrame.url), self.get(node.id));
        add(functions, nameOf(node), self.get(node.id));
      }
    }
    const busy = whole - idle;
    const show = ([name, ms]) => console.log(`${((ms / busy) * 100).toFixed(1).padStart(6)} %  ${name}`);
    console.log(`\n${file}: busy ${busy.toFixed(0)} of ${whole.toFixed(0)} ms\n\nby package (self)`);
    largest(packages).slice(0, top).forEach(show);
    console.log('\nby function (self)');
    largest(functions).slice(0, top).forEach(show);
    console.log('\nby function (with all it calls)');
    const all = largest(totals(profile.nodes, self, nameOf)).filter(([name]) => !/^\((?:root|idle)\)/.test(name));
    all.slice(0, top * 2).forEach(show);
  }
}

await main();
