// The directory that one starter owns while it runs.
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { endLeftovers } from './leftovers.mjs';
import { tryLock } from './lock.mjs';
import { UsageError } from './topology.mjs';

const FREE_BYTES_MIN = 500 * 1024 * 1024;

/**
 * Takes the directory, and ends what a starter that was killed left running in it.
 * @param {string} dataDirectory absolute
 * @returns {Promise<() => Promise<void>>} gives it back
 */
export async function claimDirectory(dataDirectory) {
  await mkdir(dataDirectory, { recursive: true });
  const { bavail, bsize } = await statfs(dataDirectory);
  if (bavail * bsize < FREE_BYTES_MIN) {
    const freeMb = Math.floor((bavail * bsize) / 1024 / 1024);
    throw new UsageError(
      `Only ${freeMb} MB are free at ${dataDirectory}; free 500 MB, or set DATA_DIR to another disk.`,
    );
  }
  const lock = await tryLock(join(dataDirectory, 'starter.lock'));
  if (typeof lock !== 'function') {
    throw new UsageError(
      `Another start (process ${lock.holderPid}) is running in ${dataDirectory}; stop it, or choose another place with DATA_DIR=/some/where PORT=9000 npm start`,
    );
  }
  const ended = await endLeftovers(dataDirectory);
  if (ended > 0) console.log(`ended ${ended} processes that an earlier start had left behind`);
  return lock;
}
