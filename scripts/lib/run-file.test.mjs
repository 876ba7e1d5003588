import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRunFile } from './run-file.mjs';

describe('the run file', () => {
  let directory;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'concordat-run-file-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const stateWith = (pid) => ({
    coordinators: [{ id: 1, url: 'http://127.0.0.1:8080', pid }],
    participants: [],
    kafka: { brokers: '127.0.0.1:9092', pid: null },
    postgres: { url: 'postgres://127.0.0.1:5432/postgres', pid: null },
  });

  it('ends with the last of many changes, and leaves nothing else behind', async () => {
    const path = join(directory, 'run.json');
    const file = createRunFile(path);
    const state = stateWith(0);
    const writes = [];
    for (let pid = 1; pid <= 50; pid += 1) {
      state.coordinators[0].pid = pid;
      writes.push(file.write(state));
    }
    await Promise.all(writes);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(stateWith(50));
    expect(await readdir(directory)).toEqual(['run.json']);
  });

  it('goes on after a change that could not be written', async () => {
    const file = createRunFile(join(directory, 'missing', 'run.json'));
    await expect(file.write(stateWith(1))).rejects.toThrow(/ENOENT/);
    await expect(file.remove()).resolves.toBeUndefined();
  });
});
