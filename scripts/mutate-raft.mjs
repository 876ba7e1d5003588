// The mutation gate of libs/raft: seeds one single-line fault at a time into the core and demands that the project's own
// scenarios or the simulator notice. `npm run mutate:raft [-- --only TEXT] [-- --seeds N]` writes libs/raft/docs/mutations.md
// (unless --only is given) and fails if a fault survives.
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { transform } from '@swc/core';
import { build } from './build.mjs';
import { mutations } from './raft-mutations.mjs';

const script = fileURLToPath(import.meta.url);
const root = dirname(dirname(script));
const raft = join(root, 'libs/raft');
const directories = ['core', 'log', 'quorum', 'confchange', 'scenarios', 'simulator'];
const childTimeoutMs = 90_000;

/** Runs inside the child: scenarios first, they are quick; then seeds until one fails. Prints what noticed the fault. */
async function hunt(directory, seeds) {
  const { runScenario } = await import(pathToFileURL(join(directory, 'scenarios/runner.js')).href);
  const testdata = join(raft, 'testdata');
  for (const name of (await readdir(testdata)).sort()) {
    const mismatches = runScenario(await readFile(join(testdata, name), 'utf8'), 'quiet');
    if (mismatches.length > 0) return `scenario ${name.replace('.txt', '')}, line ${mismatches[0].directive.line}`;
  }
  const { simulate } = await import(pathToFileURL(join(directory, 'simulator/simulation.js')).href);
  for (let seed = 1; seed <= seeds; seed++) {
    const { failure } = simulate(seed, 0);
    if (failure) return `simulator seed ${seed}: ${failure.error.message.split('\n')[0].slice(0, 110)}`;
  }
  return '';
}

async function compileMutant(workspace, { file, find, replace }) {
  const source = await readFile(join(raft, 'src', file), 'utf8');
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`${file}: ${places} places match: ${find}`);
  if (find.includes('\n') || replace.includes('\n')) throw new Error(`${file}: not a single line: ${find}`);
  const options = JSON.parse(await readFile(join(root, '.swcrc'), 'utf8'));
  const { code } = await transform(
    source.replace(find, () => replace),
    { ...options, filename: file, swcrc: false },
  );
  const output = join(workspace, file.replace(/\.ts$/, '.js'));
  await writeFile(output, code);
}

/** What caught the mutant: the child's line, or that it hung or crashed. */
function huntInChild(workspace, seeds) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, '--hunt', workspace, '--seeds', String(seeds)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    const timer = setTimeout(() => {
      output = 'it never ends (timeout)';
      child.kill('SIGKILL');
    }, childTimeoutMs);
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code !== 0 && !signal)
        output = `crash: ${errors.split('\n').find((line) => line.includes('Error')) ?? errors}`;
      resolve(output.trim());
    });
  });
}

async function examine(mutation, seeds) {
  const workspace = await mkdtemp(join(tmpdir(), 'raft-mutant-'));
  try {
    await writeFile(join(workspace, 'package.json'), '{ "type": "module" }');
    for (const name of directories) await cp(join(raft, 'dist', name), join(workspace, name), { recursive: true });
    await compileMutant(workspace, mutation);
    return { ...mutation, caughtBy: await huntInChild(workspace, seeds) };
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

async function examineAll(chosen, seeds) {
  const results = [];
  const queue = chosen.map((mutation, position) => ({ mutation, position }));
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const result = await examine(next.mutation, seeds);
      results[next.position] = result;
      console.log(`${result.caughtBy ? 'caught  ' : 'SURVIVED'} ${result.fault}: ${result.caughtBy}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
  return results;
}

function report(results, seeds) {
  const caught = results.filter(({ caughtBy }) => caughtBy).length;
  const cell = (text) => text.replaceAll('|', '\\|');
  const code = (text) => `\`${cell(text.trim())}\``;
  return `# Mutation gate

Each row is one single-line fault in the core, put in on its own by \`npm run mutate:raft\`. It counts as caught when a scenario
of \`testdata/\` no longer replays (log lines not compared) or one of the simulator's seeds 1 to ${seeds} fails. Unit tests are
left out of the hunt: the question is whether the behaviour of whole clusters is watched closely enough.

${caught} of ${results.length} caught. This file is written by the script.

| fault | file | line as it should be | line with the fault | caught by |
|---|---|---|---|---|
${results
  .map(
    ({ fault, file, find, replace, caughtBy }) =>
      `| ${cell(fault)} | ${file} | ${code(find)} | ${code(replace)} | ${cell(caughtBy || '**nobody**')} |`,
  )
  .join('\n')}
`;
}

const { values } = parseArgs({
  options: {
    hunt: { type: 'string' },
    only: { type: 'string' },
    seeds: { type: 'string', default: '300' },
  },
});
const seeds = Number(values.seeds);
if (values.hunt) {
  process.stdout.write(await hunt(values.hunt, seeds));
} else {
  await build();
  const chosen = mutations.filter(({ fault }) => !values.only || fault.includes(values.only));
  const results = await examineAll(chosen, seeds);
  if (!values.only) await writeFile(join(raft, 'docs/mutations.md'), report(results, seeds));
  const survivors = results.filter(({ caughtBy }) => !caughtBy).length;
  console.log(`${results.length - survivors} of ${results.length} caught`);
  process.exitCode = survivors === 0 ? 0 : 1;
}
