// A lock that is a file with the holder's process id, so that what a killed process held can be taken over.
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine } from './processes.mjs';

const RETRY_MS = 200;

/**
 * @param {string} path
 * @returns {Promise<(() => Promise<void>) | { holderPid: number }>} what releases the lock, or who holds it
 */
export async function tryLock(path) {
  await mkdir(dirname(path), { recursive: true });
  const mine = `${path}.${process.pid}`;
  await writeFile(mine, JSON.stringify({ pid: process.pid, command: await commandLine(process.pid) }));
  try {
    for (;;) {
      const taken = await link(mine, path).then(() => true, onlyIfExists); // with its contents, at once
      if (taken) return () => rm(path, { force: true });
      const holder = await readHolder(path);
      if (holder && (await stillHolds(holder))) return { holderPid: holder.pid };
      await removeStale(path, holder);
    }
  } finally {
    await rm(mine, { force: true });
  }
}

/** Waits for the lock as long as it takes. @param {string} path @param {(holderPid: number) => void} onWait told once */
export async function takeLock(path, onWait) {
  for (let told = false; ; told = true) {
    const lock = await tryLock(path);
    if (typeof lock === 'function') return lock;
    if (!told) onWait(lock.holderPid);
    await sleep(RETRY_MS);
  }
}

function onlyIfExists(error) {
  if (error.code === 'EEXIST') return false;
  throw error;
}

async function readHolder(path) {
  const text = await readFile(path, 'utf8').catch(() => '');
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // gone meanwhile, or cut short by a full disk
  }
}

const stillHolds = async ({ pid, command }) => command !== '' && (await commandLine(pid)) === command;

/** Two may find the same stale lock, and the slower one would remove what the faster one has just taken. */
async function removeStale(path, holder) {
  const aside = `${path}.${process.pid}.stale`;
  const moved = await rename(path, aside).then(
    () => true,
    () => false, // somebody else was faster
  );
  if (!moved) return;
  const found = await readHolder(aside);
  if (found && found.pid !== holder?.pid) await link(aside, path).catch(onlyIfExists);
  await rm(aside, { force: true });
}
