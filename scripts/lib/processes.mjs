// Looking at and ending operating-system processes by their id. A pid alone proves nothing, since the
// system gives it out again: whoever ends a process that it did not start itself first compares the command line.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** @param {number} pid @returns {boolean} whether a process of that id exists, of whichever user */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * @param {number} pid
 * @returns {Promise<string>} its command line with blanks between the words; empty if there is no such process, or only its zombie
 */
export async function commandLine(pid) {
  if (process.platform === 'linux') {
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return words.split('\0').join(' ').trim();
  }
  const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.trim();
}

/** A zombie counts as gone: it only waits for its parent to look. */
async function isGone(pid) {
  return !isAlive(pid) || (await commandLine(pid)) === '';
}

/** @returns {Promise<boolean>} whether the process was gone before `timeoutMs` passed */
export async function waitUntilGone(pid, timeoutMs) {
  const end = performance.now() + timeoutMs;
  while (!(await isGone(pid))) {
    if (performance.now() >= end) return false;
    await sleep(25);
  }
  return true;
}

/**
 * Sends one signal after the other until the process is gone.
 * @param {number} pid
 * @param {[NodeJS.Signals, number][]} steps signal, and how long to wait after it in ms
 * @returns {Promise<boolean>} whether it is gone
 */
export async function endProcess(pid, steps) {
  for (const [signal, waitMs] of steps) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (error.code === 'ESRCH') return true;
      throw error;
    }
    if (await waitUntilGone(pid, waitMs)) return true;
  }
  return false;
}
