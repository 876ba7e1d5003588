// npm run mutate:rules: breaks each decision rule on purpose, one wrong line at a time, and expects a test to notice.
//
//   npm run mutate:rules                 all of them; writes docs/rules.md
//   npm run mutate:rules -- --rule D6    those of one rule; writes nothing
//   DATABASE_URL                         a Postgres for the tests that need one; without it one is started
//
// Works on a copy of the tree under the system's temporary directory; the checkout is only read.
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LOCK_MUTATIONS } from './lib/lock-mutations.mjs';
import { RULE_MUTATIONS } from './lib/rule-mutations.mjs';
import { root } from './lib/setup.mjs';
import { SNAPSHOT_MUTATIONS } from './lib/snapshot-mutations.mjs';

const DOCUMENT = join(root, 'docs', 'rules.md');
const COPIED = ['libs', 'apps', 'package.json', 'jest.config.mjs', 'tsconfig.json', '.swcrc'];
const NOT_COPIED = new Set(['node_modules', 'dist', '.data']);
/** A mutation may make a test wait for ever. */
const TEST_TIMEOUT_MS = 20_000;
const MODEL_RUNS = '300';

const { values } = parseArgs({ options: { rule: { type: 'string' } } });
const all = [...RULE_MUTATIONS, ...SNAPSHOT_MUTATIONS, ...LOCK_MUTATIONS];
const mutations = all.filter(({ rule }) => values.rule === undefined || rule === values.rule);
const scratch = await mkdtemp(join(tmpdir(), 'concordat-mutate-'));
let postgres;
/** @type {import('node:child_process').ChildProcess | undefined} */
let child;
// The tests end, their result is missing, and what was started and copied is removed below.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child?.kill());
try {
  process.exitCode = await main();
} finally {
  await postgres?.stop();
  await rm(scratch, { recursive: true, force: true });
}

/** @returns {Promise<number>} the exit code */
async function main() {
  if (mutations.length === 0) throw new Error(`no mutation breaks a rule called ${values.rule}`);
  const copy = join(scratch, 'tree');
  await copyTree(copy);
  for (const mutation of mutations) await withMutation(copy, mutation, () => undefined); // all of them find their place
  const env = await environment();
  for (const plan of plansOf(mutations)) {
    const { passed, failed } = await runTests(copy, plan, env);
    if (failed.length === 0 && passed > 0) continue;
    console.error(`Without any mutation these fail already:\n  ${failed.join('\n  ') || `no test of ${plan.tests}`}`);
    return 1;
  }
  const rows = [];
  for (const mutation of mutations) {
    const { failed } = await withMutation(copy, mutation, () => runTests(copy, mutation, env));
    rows.push({ ...mutation, failed });
    console.log(`${failed.length > 0 ? 'caught  ' : 'SURVIVED'} ${mutation.rule.padEnd(3)} ${mutation.what}`);
  }
  const survivors = rows.filter(({ failed }) => failed.length === 0).length;
  console.log(`\n${rows.length - survivors} of ${rows.length} mutations caught.`);
  if (survivors === 0 && values.rule === undefined) await writeFile(DOCUMENT, documentOf(rows));
  return survivors === 0 ? 0 : 1;
}

/** The runs that have to pass without any mutation: all whole files together, and each choice of single tests. */
function plansOf(chosen) {
  const whole = [...new Set(chosen.filter(({ only }) => only === undefined).flatMap(({ tests }) => tests))];
  const single = chosen.filter(({ only }) => only !== undefined);
  return whole.length > 0 ? [{ tests: whole }, ...single] : single;
}

async function copyTree(copy) {
  for (const name of COPIED) {
    const filter = (source) => !NOT_COPIED.has(basename(source));
    await cp(join(root, name), join(copy, name), { recursive: true, filter });
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
}

async function environment() {
  const NODE_OPTIONS = '--experimental-vm-modules --no-warnings=ExperimentalWarning';
  const env = { ...process.env, NODE_OPTIONS, MODEL_RUNS };
  if (env.DATABASE_URL || !mutations.some(({ needs }) => needs === 'postgres')) return env;
  const { startPostgres } = await import('./lib/postgres.mjs');
  const logFile = join(scratch, 'postgres.log');
  postgres = await startPostgres({ directory: join(scratch, 'postgres'), logFile, onProgress: () => undefined });
  return { ...env, DATABASE_URL: postgres.url };
}

async function withMutation(copy, { file, find, replace, nth }, work) {
  const path = resolve(copy, file);
  if (relative(copy, path).startsWith('..')) throw new Error(`${file} lies outside the copy`);
  const source = await readFile(path, 'utf8');
  const pieces = source.split(find);
  const occurrences = pieces.length - 1;
  if (occurrences === 0 || (nth === undefined ? occurrences > 1 : nth >= occurrences)) {
    throw new Error(`${file} has ${occurrences} places that read: ${find}`);
  }
  const at = (nth ?? 0) + 1;
  await writeFile(path, `${pieces.slice(0, at).join(find)}${replace}${pieces.slice(at).join(find)}`);
  try {
    return await work();
  } finally {
    await writeFile(path, source);
  }
}

/** @returns {Promise<{ passed: number, failed: string[] }>} the full names of the tests that failed */
async function runTests(copy, { tests, only }, env) {
  const outputFile = join(scratch, 'result.json');
  await rm(outputFile, { force: true });
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const words = [
    '--json',
    `--outputFile=${outputFile}`,
    '--runInBand',
    '--forceExit',
    `--testTimeout=${TEST_TIMEOUT_MS}`,
  ];
  const names = only === undefined ? [] : [`--testNamePattern=${only}`];
  // Last: the option takes every word that follows it.
  const roots = ['--roots=libs', '--roots=apps'];
  child = spawn(process.execPath, [jest, ...tests, ...words, ...names, ...roots], { cwd: copy, env, stdio: 'ignore' });
  await new Promise((done, reject) => {
    child.once('error', reject);
    child.once('exit', done);
  });
  const { numPassedTests, testResults } = JSON.parse(await readFile(outputFile, 'utf8'));
  const failed = testResults.flatMap(({ name, message, assertionResults, status }) => {
    const titles = assertionResults.filter((one) => one.status === 'failed').map((one) => one.title);
    const file = relative(copy, name);
    return titles.length > 0 || status !== 'failed' ? titles : [`${file} (${firstLineOf(message)})`];
  });
  return { passed: numPassedTests, failed };
}

const firstLineOf = (message) => message.trim().split('\n', 1)[0];

function documentOf(rows) {
  const lines = rows.map(({ rule, file, what, failed }) => {
    const named = failed.find((title) => title.startsWith(`${rule}:`)) ?? failed[0];
    const others = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
    return `| ${rule} | \`${file}\` | ${what} | ${named.replaceAll('|', '\\|')}${others} |`;
  });
  return `# The decision rules, broken on purpose

Written by \`npm run mutate:rules\`. Each line is one wrong line of source, put into a copy of the tree: how it breaks a rule of
[the design](design-rules.md) (D1 to D10, S1 to S8) or one of locks and fencing tokens (K1 to K4 and LK1 to LK4, FE1), where the
rule is kept, and a test that fails then.

| rule | kept in | broken so | caught by |
|---|---|---|---|
${lines.join('\n')}
`;
}
