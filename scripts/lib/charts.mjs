// The Helm charts, their cases, and their renderings, which are kept beside them: whoever reviews a change of a template
// sees what comes of it, and tests read the containers' command lines, environment and probes from there without helm.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

export const helmDirectory = fileURLToPath(new URL('../../deploy/helm', import.meta.url));
const DIGEST = /^# Rendered from (\S+)\n/;

/**
 * @typedef {object} ChartCase one chart with one file of values
 * @property {string} name as in `concordat.default`
 * @property {string} chart directory
 * @property {string} values file
 * @property {string} rendering file
 */

/** @returns {Promise<ChartCase[]>} */
export async function chartCases() {
  const files = (await readdir(join(helmDirectory, 'cases'))).filter((file) => file.endsWith('.yaml')).sort();
  return files.map((file) => ({
    name: file.replace(/\.yaml$/, ''),
    chart: join(helmDirectory, file.split('.')[0]),
    values: join(helmDirectory, 'cases', file),
    rendering: join(helmDirectory, 'rendered', file),
  }));
}

/** Of everything that a rendering is made of. @param {ChartCase} one */
export async function digestOf({ chart, values }) {
  const hash = createHash('sha256');
  const entries = await readdir(chart, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of [...files.sort(), values]) {
    hash.update(file.slice(helmDirectory.length));
    hash.update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}

/** @param {ChartCase} one @param {string} rendered what helm wrote */
export const withDigest = async (one, rendered) => `# Rendered from ${await digestOf(one)}\n${rendered}`;

/** @param {string} text of a rendering @returns {string | undefined} what it was rendered from */
export const digestIn = (text) => DIGEST.exec(text)?.[1];

/**
 * @param {string} name of a case
 * @returns {Promise<any[]>} its objects
 */
export async function renderedObjects(name) {
  const text = await readFile(join(helmDirectory, 'rendered', `${name}.yaml`), 'utf8');
  return parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((object) => object?.kind);
}

/** @param {any[]} objects @param {string} kind */
export const ofKind = (objects, kind) => objects.filter((object) => object.kind === kind);
