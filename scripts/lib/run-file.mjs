// DATA_DIR/run.json: what runs right now, for tools outside. Written whole or not at all, in the order of the changes.
import { rename, rm, writeFile } from 'node:fs/promises';

/**
 * @typedef {object} RunState pid is null for what we did not start, or what is down just now
 * @property {{ id: number, url: string, pid: number | null, databaseUrl: string }[]} coordinators
 * @property {{ name: string, url: string, pid: number | null, databaseUrl: string }[]} participants
 * @property {{ brokers: string, pid: number | null }} kafka
 * @property {{ url: string, pid: number | null }} postgres
 */

/** @param {string} path */
export function createRunFile(path) {
  let lastWrite = Promise.resolve();

  /** A failure is for the caller; the next change is written all the same. */
  function inTurn(action) {
    const turn = lastWrite.then(action);
    lastWrite = turn.catch(() => undefined);
    return turn;
  }

  return {
    /** @param {RunState} state taken as it is now, whatever happens to it later */
    write(state) {
      const text = `${JSON.stringify(state, null, 2)}\n`;
      return inTurn(async () => {
        await writeFile(`${path}.new`, text, { mode: 0o600 }); // it holds database passwords
        await rename(`${path}.new`, path);
      });
    },
    remove: () => inTurn(() => rm(path, { force: true })),
  };
}
