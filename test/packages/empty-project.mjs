// An empty project, as a user of the packages has it: outside of the repository, with nothing but what npm installs.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { startRegistry } from './registry.mjs';

/**
 * @typedef {object} EmptyProject
 * @property {string} directory
 * @property {(name: string, content: string) => Promise<string>} write a file; resolves with its path
 * @property {(command: string, ...words: string[]) => Promise<{ code: number | null, output: string }>} run
 * @property {() => Promise<void>} remove
 */

/** Without what Jest needs of Node, and what `npm test` tells the npm below it; with this Node first on the path. */
export const userEnvironment = () => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))),
  NODE_OPTIONS: '',
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
});

/**
 * Packs the packages, as `npm publish` would, and installs them with what they need into an empty project.
 * @param {object} options
 * @param {string} options.root of the checkout
 * @param {string[]} options.packages directories of packages to pack, from the root
 * @param {string[]} options.install names that a user gives to npm install
 * @returns {Promise<EmptyProject & { tarballs: Map<string, string[]> }>} with the files in each tarball
 */
export async function installIntoEmptyProject({ root, packages, install }) {
  const packing = await mkdtemp(join(tmpdir(), 'concordat-pack-'));
  const project = await emptyProject();
  try {
    const workspaces = packages.flatMap((path) => ['--workspace', path]);
    const pack = ['pack', '--json', '--pack-destination', packing, ...workspaces];
    const { code, output, errors } = await execute('npm', pack, { cwd: root });
    if (code !== 0) throw new Error(`npm pack ended with ${code}:\n${errors}`);
    const packed = Object.values(JSON.parse(output.slice(output.search(/^[[{]/m))));
    const ours = await Promise.all(packages.map((path) => ourRelease(join(root, path), packed, packing)));
    await installFrom(await startRegistry(root, ours), project, install);
    const tarballs = new Map(packed.map(({ name, files }) => [name, files.map(({ path }) => path)]));
    return { ...project, tarballs };
  } catch (error) {
    await project.remove();
    throw error;
  } finally {
    await rm(packing, { recursive: true, force: true });
  }
}

/** @returns {Promise<EmptyProject>} */
async function emptyProject() {
  const directory = await mkdtemp(join(tmpdir(), 'concordat-empty-'));
  const write = async (name, content) => {
    const path = join(directory, name);
    await writeFile(path, content);
    return path;
  };
  await write('package.json', JSON.stringify({ name: 'empty', version: '1.0.0', private: true, type: 'module' }));
  return {
    directory,
    write,
    run: async (command, ...words) => {
      const { code, output, errors } = await execute(command, words, { cwd: directory });
      return { code, output: output + errors };
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

async function ourRelease(directory, packed, packing) {
  const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  const { filename } = packed.find(({ name }) => name === manifest.name);
  const [found] = (await readdir(packing)).filter((name) => name === basename(filename));
  if (!found) throw new Error(`npm packed ${filename}, which is not there`);
  return { manifest, tarball: join(packing, found) };
}

/** @param {import('./registry.mjs').Registry} registry @param {EmptyProject} project @param {string[]} names */
async function installFrom(registry, project, names) {
  try {
    const settings = [`--registry=${registry.url}`, `--cache=${join(project.directory, '.npm')}`, '--ignore-scripts'];
    const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error', '--fetch-retries=0'];
    const { code, output } = await project.run('npm', 'install', ...settings, ...quiet, ...names);
    if (code !== 0) throw new Error(`npm install ended with ${code}; not here: ${registry.missing}\n${output}`);
    await rm(join(project.directory, '.npm'), { recursive: true, force: true });
  } finally {
    await registry.close();
  }
}

async function execute(command, words, { cwd }) {
  const child = spawn(command, words, { cwd, env: userEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, output, errors };
}
