// Small rules of the house that no other tool checks. Looks at what git tracks, and at what it would.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { root, trackedFiles } from './tracked-files.mjs';

const LINES_MAX = 500;
const isCode = (path) => /\.(ts|tsx|mts|mjs|cjs|js)$/.test(path);
const isText = (path) =>
  /\.(ts|tsx|mts|mjs|cjs|js|css|html|json|md|ya?ml|sh|xml|sql|proto)$|^\.ci\/|^\.npmrc$/.test(path);
const isTest = (path) => /\.test\.(ts|mjs)$/.test(path);

// Written in two halves, so that this file passes its own test.
const notes = new RegExp(`\\b(${'TO'}DO|${'FIX'}ME|${'X'}XX)\\b`);
const skipped = /\b(describe|it|test)\.(skip|only|todo|failing)\b|\b(xit|xdescribe|xtest|fit|fdescribe)\(/;
const registryHosts = new RegExp(
  ['registry\\.npm', 'repo1?\\.maven', 'npmmirror', 'proxy\\.golang', 'pypi']
    .map((host) => `${host}[\\w-]*\\.(js\\.)?(org|com)`)
    .join('|'),
);
const machinePaths = new RegExp(`(?<![\\w.])/(${'wo'}rk|${'ro'}ot|${'ho'}me/\\w+|${'Us'}ers/\\w+)/`);

/** @type {{ name: string, applies: (path: string) => boolean, finds: (line: string, path: string) => boolean }[]} */
const lineRules = [
  { name: 'a note that nobody will find again', applies: isCode, finds: (line) => notes.test(line) },
  { name: 'a test that does not run, or runs alone', applies: isTest, finds: (line) => skipped.test(line) },
  { name: "a package registry's host", applies: isText, finds: (line) => registryHosts.test(line) },
  { name: 'a path of one machine', applies: isText, finds: (line) => machinePaths.test(line) },
];

const nameless = /^(utils?|helpers?|common|misc|shared)(\.|$)/i;

/**
 * @returns {Promise<string[]>} one line for each thing found
 */
export async function findUntidy() {
  const paths = (await trackedFiles()).filter(isText);
  const found = await Promise.all(paths.map(untidyIn));
  return found.flat().sort();
}

async function untidyIn(path) {
  const text = await readFile(join(root, path), 'utf8').catch(() => ''); // removed, and git does not know yet
  return inspect(path, text);
}

/** @param {string} path from the root @param {string} text @returns {string[]} */
export function inspect(path, text) {
  const found = [];
  const lines = text.split('\n');
  if (isCode(path) && lines.length - 1 > LINES_MAX)
    found.push(`${path}: ${lines.length - 1} lines, and ${LINES_MAX} is the bound`);
  if (path.split('/').some((part) => nameless.test(part)))
    found.push(`${path}: ${basename(path)} is no name for a concept`);
  lines.forEach((line, index) => {
    for (const { name, applies, finds } of lineRules) {
      if (applies(path) && finds(line, path)) found.push(`${path}:${index + 1}: ${name}: ${line.trim().slice(0, 120)}`);
    }
  });
  return found;
}
