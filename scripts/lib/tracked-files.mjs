import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { root } from './setup.mjs';

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export { root };

/** @returns {Promise<string[]>} what git tracks, and what it would, as paths from the root */
export async function trackedFiles() {
  const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  return stdout.split('\0').filter((path) => path !== '');
}
