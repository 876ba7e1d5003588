// Which files a file of compiled JavaScript leads to, and which packages.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** SWC ends each statement with a semicolon, and what is exported from elsewhere has neither a bracket nor a value. */
const imports = /^(?:import|export)\b[^;(=]*?["']([^"']+)["'];|\bimport\(\s*["']([^"']+)["']/gm;

/**
 * Follows imports by path; those by name are the packages.
 * @param {string[]} entries
 * @returns {Promise<{ files: Set<string>, packages: Set<string> }>} modules of Node count as packages
 */
export async function importsFrom(entries) {
  const files = new Set();
  const packages = new Set();
  const open = [...entries];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    const text = await readFile(file, 'utf8');
    for (const [, from, dynamic] of text.matchAll(imports)) {
      const name = from ?? dynamic;
      if (name.startsWith('.')) open.push(join(dirname(file), name));
      else packages.add(packageOf(name));
    }
  }
  return { files, packages };
}

const packageOf = (name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/');
