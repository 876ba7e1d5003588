import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = 'cluster.json';

/** @returns the voters that this replica's cluster began with, or undefined when it does not know of any yet */
export async function readInitialVoters(directory: string): Promise<readonly number[] | undefined> {
  try {
    const { initialVoters } = JSON.parse(await readFile(join(directory, FILE), 'utf8')) as { initialVoters: number[] };
    return initialVoters;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Durable before the log begins with them, so that every later replica is told the same list (F1). */
export async function writeInitialVoters(directory: string, initialVoters: readonly number[]): Promise<void> {
  const path = join(directory, FILE);
  const file = await open(`${path}.new`, 'w');
  try {
    await file.writeFile(JSON.stringify({ initialVoters }));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  const parent = await open(directory, 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}
