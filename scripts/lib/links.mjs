// What the pages of the repository point to: links and anchors, paths in `code`, npm scripts, metrics. All of it has to be there.
import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { root, trackedFiles } from './tracked-files.mjs';

/** Folders of the root: what begins with one of them is a path of this repository. */
const TOP_FOLDERS = /^(apps|bench|deploy|docs|examples|libs|scripts|test)\//;
/** Named by the end of their path where the text has said which folder it speaks of. */
const NAMED_BY_THEIR_END = /^[\w@/.-]+\.(ts|mjs|py)$/;
const PATH = /^[\w@/.-]+$/;
/** What is of this form is a metric, and no table. */
const METRIC = /\bconcordat_[a-z_]+_(?:total|seconds|entries|bytes|available)\b/g;
const METRICS_PAGE = 'docs/metrics.md';
const ELSEWHERE = /^[a-z][a-z0-9+.-]*:/i;

/** @returns {Promise<string[]>} one line for each thing that is pointed to and is not there */
export async function findBrokenLinks() {
  const files = await trackedFiles();
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const pages = new Map();
  for (const path of files.filter((one) => one.endsWith('.md'))) {
    pages.set(path, await readFile(join(root, path), 'utf8').catch(() => '')); // removed, and git does not know yet
  }
  return [...pages.keys()].flatMap((path) => brokenIn(path, { pages, files, scripts: Object.keys(scripts) })).sort();
}

/**
 * @param {string} path of the page, from the root
 * @param {{ pages: Map<string, string>, files: string[], scripts: string[] }} tree its pages by path, all its files, and the
 *   names of npm's scripts
 * @returns {string[]}
 */
export function brokenIn(path, { pages, files, scripts }) {
  const text = pages.get(path) ?? '';
  const found = [];
  const say = (at, words) => found.push(`${path}:${lineOf(text, at)}: ${words}`);
  const prose = withoutFences(text);

  for (const { index, 1: target } of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (ELSEWHERE.test(target)) continue;
    const [file, anchor] = target.split('#');
    const to = file === '' ? path : normalize(join(dirname(path), file)).replace(/\/$/, '');
    if (!isThere(to, files)) say(index, `no such file: ${target}`);
    else if (anchor && pages.has(to) && !anchorsOf(pages.get(to)).has(anchor)) say(index, `no such heading: ${target}`);
  }
  for (const { index, 1: code } of prose.matchAll(/`([^`\n]+)`/g)) {
    if (TOP_FOLDERS.test(code) && PATH.test(code)) {
      if (!foldersAbove(path).some((folder) => isThere(join(folder, code).replace(/\/$/, ''), files)))
        say(index, `no such path: ${code}`);
    } else if (NAMED_BY_THEIR_END.test(code) && !files.some((file) => `/${file}`.endsWith(`/${code}`))) {
      say(index, `no such file: ${code}`);
    }
  }
  const metrics = pages.get(METRICS_PAGE) ?? '';
  for (const { index, 0: name } of prose.matchAll(METRIC)) {
    if (!metrics.includes(`\`${name}\``)) say(index, `no such metric: ${name}`);
  }
  for (const { index, 1: name } of text.matchAll(/\bnpm run ([a-z][\w:-]*)/g)) {
    if (!scripts.includes(name)) say(index, `no such script: npm run ${name}`);
  }
  return found;
}

/** A file, or a folder with files. A test may be named without its ending. */
const isThere = (path, files) =>
  path === '.' ||
  files.some((file) => file === path || file.startsWith(`${path}/`) || (/\.test$/.test(path) && file === `${path}.ts`));

/** The root first; a page of a library may speak of the library's own folders. */
const foldersAbove = (path) => path.split('/').map((_, depth, parts) => join('.', ...parts.slice(0, depth)));

/** As GitHub makes them of headings: lower case, without punctuation, hyphens for spaces; the second of a kind ends in -1. */
export function anchorsOf(page) {
  const anchors = new Set();
  for (const [, words] of withoutFences(page).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const base = words
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-');
    let anchor = base;
    for (let number = 1; anchors.has(anchor); number += 1) anchor = `${base}-${number}`;
    anchors.add(anchor);
  }
  for (const [, id] of page.matchAll(/<a id="([^"]+)">/g)) anchors.add(id);
  return anchors;
}

/** The same length, so that places stay what they are. */
const withoutFences = (text) => text.replaceAll(/^ *```[\s\S]*?^ *```/gm, (fence) => fence.replaceAll(/[^\n]/g, ' '));

const lineOf = (text, at) => text.slice(0, at).split('\n').length;
