// npm run verify: everything about the sources that can be checked without running them; what CI holds us to.
// `npm run verify -- types tidy` runs only those.
import { spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { findBrokenLinks } from './lib/links.mjs';
import { seconds } from './lib/one-line-progress.mjs';
import { sayError } from './lib/say-error.mjs';
import { ensureReady, root } from './lib/setup.mjs';
import { findUntidy } from './lib/tidy.mjs';

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {string} hint what to do when it fails
 * @property {() => Promise<{ passed: boolean, output: string }>} run
 */

const packages = join(root, 'node_modules');
const node = (script, ...words) => run(process.execPath, [script, ...words]);

/** @type {Check[]} */
const checks = [
  {
    name: 'types',
    hint: 'npm run types shows the same',
    run: async () => {
      const tsc = (project) =>
        node(join(packages, 'typescript', 'bin', 'tsc'), '-p', project, '--noEmit', '--pretty', 'false');
      const all = await Promise.all([tsc('tsconfig.json'), tsc('apps/console')]);
      return { passed: all.every(({ passed }) => passed), output: all.map(({ output }) => output).join('') };
    },
  },
  {
    name: 'lint and format',
    hint: 'npm run format mends what can be mended',
    run: () => node(join(packages, '@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.'),
  },
  {
    name: 'boundaries',
    hint: 'the rules are in .dependency-cruiser.cjs',
    run: () =>
      node(
        join(packages, 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs'),
        ...['--config', '.dependency-cruiser.cjs', 'libs', 'apps'],
      ),
  },
  {
    name: 'tidiness',
    hint: 'the rules are in scripts/lib/tidy.mjs',
    run: async () => {
      const found = await findUntidy();
      return { passed: found.length === 0, output: found.join('\n') };
    },
  },
  {
    name: 'links',
    hint: 'a page points to a file, a heading, a metric or an npm script that is not there; the rules are in scripts/lib/links.mjs',
    run: async () => {
      const found = await findBrokenLinks();
      return { passed: found.length === 0, output: found.join('\n') };
    },
  },
  {
    name: 'generated documents',
    hint: 'node scripts/generate.mjs writes them anew',
    run: async () => {
      const generator = join(root, 'scripts', 'generate.mjs');
      const present = await access(generator).then(
        () => true,
        () => false,
      );
      return present ? node(generator, '--check') : { passed: true, output: '' };
    },
  },
];

await main().catch((error) => {
  console.error(`\n${sayError(error)}`);
  process.exitCode = 1;
});

async function main() {
  await ensureReady();
  const wanted = process.argv.slice(2);
  const chosen = checks.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.startsWith(word)));
  if (chosen.length === 0) throw new Error(`No such check; there are: ${checks.map(({ name }) => name).join(', ')}.`);
  let failures = 0;
  for (const check of chosen) if (!(await passes(check))) failures += 1;
  console.log(failures === 0 ? '\nall is well' : `\n${failures} of ${chosen.length} checks failed`);
  process.exitCode = failures === 0 ? 0 : 1;
}

/** @param {Check} check */
async function passes({ name, hint, run: runCheck }) {
  const started = performance.now();
  const { passed, output } = await runCheck();
  console.log(`${passed ? '✓' : '✗'} ${name} (${seconds(performance.now() - started)})`);
  if (!passed) console.log(`${output.trimEnd().replaceAll(/^/gm, '    ')}\n    → ${hint}`);
  return passed;
}

/** @returns {Promise<{ passed: boolean, output: string }>} */
function run(command, words) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const take = (chunk) => {
      output += chunk;
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', reject);
    child.once('close', (code) => resolve({ passed: code === 0, output }));
  });
}
