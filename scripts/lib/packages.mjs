// The packages that go to the npm registry: those of libs/* with a `publishConfig`. All other workspaces are private.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './setup.mjs';

/**
 * @typedef {object} Package
 * @property {string} directory
 * @property {Record<string, any>} manifest its package.json
 */

/** @returns {Promise<Package[]>} what is published, in the order of the names */
export async function publishedPackages() {
  const names = (await readdir(join(root, 'libs'))).sort();
  const packages = await Promise.all(
    names.map(async (name) => {
      const directory = join(root, 'libs', name);
      const text = await readFile(join(directory, 'package.json'), 'utf8').catch(() => undefined);
      return text === undefined ? undefined : { directory, manifest: JSON.parse(text) };
    }),
  );
  return packages.filter((one) => one?.manifest.publishConfig !== undefined);
}
