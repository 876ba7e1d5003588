// A registry for npm made of this checkout: our packages as their tarballs, everybody else's as they are installed in
// node_modules. So an empty project can install our packages by their names, as users do, and nothing outside is asked.
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { startLocalServer } from '../product/local-server.mjs';

/**
 * @typedef {object} Release one version of one package
 * @property {any} manifest
 * @property {() => NodeJS.ReadableStream} open its tarball
 *
 * @typedef {object} Registry
 * @property {string} url
 * @property {string[]} missing what was asked for and is not here
 * @property {() => Promise<void>} close
 */

/**
 * @param {string} root of the checkout
 * @param {{ manifest: any, tarball: string }[]} ours
 * @returns {Promise<Registry>}
 */
export async function startRegistry(root, ours) {
  const releases = new Map((await installed(root)).map((release) => [keyOf(release.manifest), release]));
  for (const { manifest, tarball } of ours) {
    releases.set(keyOf(manifest), { manifest, open: () => createReadStream(tarball) });
  }
  const missing = [];
  const { url, close } = await startLocalServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', url).pathname.slice(1));
    const release = releases.get(path.replace(/\.tgz$/, ''));
    if (path.endsWith('.tgz') && release) return release.open().pipe(response);
    const versions = [...releases.values()].filter(({ manifest }) => manifest.name === path);
    const has = (name) => [...releases.values()].some(({ manifest }) => manifest.name === name);
    if (versions.length === 0) {
      missing.push(path);
      response.statusCode = 404;
    }
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify(versions.length === 0 ? {} : packument(path, versions, { url, has })));
  });
  return { url, missing, close };
}

const keyOf = ({ name, version }) => `${name}@${version}`;

/** @returns {Promise<Release[]>} what the lock file names and node_modules has */
async function installed(root) {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const directories = Object.entries(lock.packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && !link,
  );
  const releases = await Promise.all(
    directories.map(async ([path]) => {
      const directory = join(root, path);
      const text = await readFile(join(directory, 'package.json'), 'utf8').catch(() => undefined); // of another platform
      return text === undefined ? undefined : { manifest: JSON.parse(text), open: () => packed(directory) };
    }),
  );
  return releases.filter((release) => release !== undefined);
}

/** npm drops the first part of each path, whatever it is called. Source maps are a third of all files: left out. */
function packed(directory) {
  const words = ['-c', '-C', dirname(directory), '--exclude=node_modules', '--exclude=*.map', basename(directory)];
  return spawn('tar', words, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout;
}

/** Optional peers that nobody here has are left out: npm would look at them, and not install them either. */
function packument(name, versions, { url, has }) {
  const entries = versions.map(({ manifest }) => {
    const { peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
    const peers = Object.entries(peerDependencies).filter(
      ([peer]) => !peerDependenciesMeta[peer]?.optional || has(peer),
    );
    const dist = { tarball: `${url}/${encodeURIComponent(keyOf(manifest))}.tgz` };
    return [manifest.version, { ...manifest, peerDependencies: Object.fromEntries(peers), dist }];
  });
  return { name, 'dist-tags': { latest: entries.at(-1)?.[0] }, versions: Object.fromEntries(entries) };
}
