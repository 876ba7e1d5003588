// Compiles every workspace's src/ to dist/ with SWC, and bundles the console with Vite. Only what is newer than its
// output is made, so a second build takes milliseconds. Types are checked elsewhere (`npm run types`).
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const GROUPS = ['libs', 'apps', 'examples'];

/** Made for browsers, by Vite, into one page and its files. */
const consoleDirectory = join(root, 'apps', 'console');

const exists = (path) => stat(path).catch(() => undefined);

async function filesBelow(directory) {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function compile(source, output) {
  const [from, to] = await Promise.all([stat(source), exists(output)]);
  if (to && to.mtimeMs >= from.mtimeMs) return 0;
  const { code } = await transformFile(source, { configFile: join(root, '.swcrc') });
  await mkdir(dirname(output), { recursive: true });
  await writeFile(output, code);
  return 1;
}

async function buildWorkspace(workspace) {
  const src = join(workspace, 'src');
  if (!(await exists(src))) return 0;
  const sources = (await filesBelow(src)).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.endsWith('.d.ts'),
  );
  const outputs = new Map(
    sources.map((file) => [join(workspace, 'dist', relative(src, file)).replace(/\.ts$/, '.js'), file]),
  );
  const stale = (await exists(join(workspace, 'dist')))
    ? (await filesBelow(join(workspace, 'dist'))).filter((file) => file.endsWith('.js') && !outputs.has(file))
    : [];
  await Promise.all(stale.map((file) => rm(file)));
  const compiled = await Promise.all([...outputs].map(([output, source]) => compile(source, output)));
  return compiled.reduce((sum, one) => sum + one, 0);
}

/** A few dozen files are looked at; bundling takes some seconds. @returns {Promise<boolean>} whether it was made */
async function buildConsole() {
  const inputs = ['index.html', 'vite.config.mjs', 'package.json'].map((name) => join(consoleDirectory, name));
  const sources = await filesBelow(join(consoleDirectory, 'src'));
  const [page, ...times] = await Promise.all([
    exists(join(consoleDirectory, 'dist', 'index.html')),
    ...[...inputs, ...sources].map((file) => stat(file)),
  ]);
  if (page && times.every(({ mtimeMs }) => mtimeMs <= page.mtimeMs)) return false;
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = 'production'; // a test that builds it must not leave one with the checks of development
  try {
    const { build: bundle } = await import('vite');
    await bundle({ root: consoleDirectory });
  } finally {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = NODE_ENV;
  }
  return true;
}

/** Builds all workspaces. @returns {Promise<number>} how many files were compiled */
export async function build() {
  let compiled = 0;
  for (const group of GROUPS) {
    const names = (await exists(join(root, group))) ? await readdir(join(root, group)) : [];
    for (const name of names) {
      const workspace = join(root, group, name);
      if (workspace !== consoleDirectory) compiled += await buildWorkspace(workspace);
    }
  }
  if (await exists(join(consoleDirectory, 'index.html'))) compiled += (await buildConsole()) ? 1 : 0;
  return compiled;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const count = await build();
  console.log(`compiled ${count} file${count === 1 ? '' : 's'} to {${GROUPS.join()}}${sep}*${sep}dist`);
}
