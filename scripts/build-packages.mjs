// What the packages for the npm registry have beside the code that SWC makes: declarations of types, and the licence.
// npm runs it before it packs one of them (`prepack`). Inside this repository types come from src/, by the condition
// `@concordat/source` of the packages' exports, so that nobody has to wait for this.
import { copyFile, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { build } from './build.mjs';
import { publishedPackages } from './lib/packages.mjs';
import { root } from './lib/setup.mjs';

/** @typedef {import('./lib/packages.mjs').Package} Package */

/** A package's declarations do not compile. */
export class DeclarationError extends Error {
  name = 'DeclarationError';
}

/** Makes everything that `npm pack` puts into the tarballs. When nothing has changed it costs a fraction of a second. */
export async function buildPackages() {
  const packages = await publishedPackages();
  await build();
  const sources = (await Promise.all(packages.map(sourcesOf))).flat();
  await Promise.all(packages.map((one) => removeStale(one, sources)));
  if (await isAnyStale(sources)) await emitDeclarations(packages, sources);
  await Promise.all(packages.map(({ directory }) => copyFile(join(root, 'LICENSE'), join(directory, 'LICENSE'))));
}

const declarationOf = (source) => inDist(source).replace(/\.ts$/, '.d.ts');

/** libs/<name>/src/<path> → libs/<name>/dist/<path> */
function inDist(file) {
  const [group, name, , ...path] = relative(root, file).split(sep);
  return join(root, group, name, 'dist', ...path);
}

/** @param {Package} one */
async function sourcesOf({ directory }) {
  const entries = await readdir(join(directory, 'src'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** @param {Package} one @param {string[]} sources */
async function removeStale({ directory }, sources) {
  const wanted = new Set(sources.map(declarationOf));
  const entries = await readdir(join(directory, 'dist'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const stale = files.filter((file) => /\.d\.ts(\.map)?$/.test(file) && !wanted.has(file.replace(/\.map$/, '')));
  await Promise.all(stale.map((file) => rm(file, { force: true })));
}

async function isAnyStale(sources) {
  const stale = await Promise.all(
    sources.map(async (source) => {
      const [from, to] = await Promise.all([stat(source), stat(declarationOf(source)).catch(() => undefined)]);
      return !to || to.mtimeMs < from.mtimeMs;
    }),
  );
  return stale.includes(true);
}

/** One program for all: what one package infers from another is then as new as that other. */
async function emitDeclarations(packages, sources) {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const program = ts.createProgram(sources, {
    ...options,
    noEmit: false,
    allowJs: false,
    declaration: true,
    declarationMap: true,
    emitDeclarationOnly: true,
    stripInternal: true,
  });
  const written = [];
  const directories = packages.map(({ directory }) => join(directory, 'src'));
  const emitted = program.emit(undefined, (file, text) => {
    if (directories.some((directory) => file.startsWith(directory))) written.push(write(file, text));
  });
  const problems = [...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics];
  await Promise.all(written);
  if (problems.length === 0) return;
  const host = { getCurrentDirectory: () => root, getCanonicalFileName: (name) => name, getNewLine: () => '\n' };
  throw new DeclarationError(ts.formatDiagnostics(problems, host));
}

/** TypeScript would put it beside its source. */
async function write(file, text) {
  const target = inDist(file);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, file.endsWith('.map') ? mapFrom(file, target, text) : text);
}

function mapFrom(file, target, text) {
  const map = JSON.parse(text);
  const sources = map.sources.map((source) => relative(dirname(target), join(dirname(file), source)));
  return JSON.stringify({ ...map, sources });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackages();
