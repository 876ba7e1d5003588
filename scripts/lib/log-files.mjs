// The logs of what the starter runs: one file each, of bounded size, with one older generation.
import { copyFile, mkdir, open, rename, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';

export const LOG_BYTES_MAX = 20 * 1024 * 1024;
const TAIL_BYTES = 8 * 1024;

/** Moves what an earlier run wrote aside. @param {string} path */
export async function rotateLog(path) {
  await mkdir(dirname(path), { recursive: true });
  await rename(path, `${path}.1`).catch(ignoreMissing);
}

/**
 * Keeps a log that is being written below its bound. Its writer has it open for appending, so it goes on at the
 * new beginning; a line written in that very moment may be lost.
 * @param {string} path
 */
export async function boundLog(path) {
  const size = await stat(path).then((found) => found.size, ignoreMissing);
  if (!size || size < LOG_BYTES_MAX) return;
  await copyFile(path, `${path}.1`);
  await truncate(path, 0);
}

function ignoreMissing(error) {
  if (error.code !== 'ENOENT') throw error;
}

/** @param {string} path @param {number} count @returns {Promise<string[]>} the last lines, made readable */
export async function lastLines(path, count) {
  const file = await open(path, 'r').catch(ignoreMissing);
  if (!file) return [];
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8').trimEnd().split('\n').slice(-count).map(readable);
  } finally {
    await file.close();
  }
}

/** Of a structured line the message and the error; any other line as it is. @param {string} line */
export function readable(line) {
  if (!line.startsWith('{')) return line;
  try {
    const { msg = '', message = msg, err, error = err } = JSON.parse(line);
    const cause = error?.message ?? (typeof error === 'string' ? error : undefined);
    return cause && cause !== message ? `${message}: ${cause}` : String(message || line);
  } catch {
    return line; // cut in the middle, since we read the end of the file only
  }
}
