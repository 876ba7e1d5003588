import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { describeMismatches, runScenario } from './runner.js';

const own = fileURLToPath(new URL('../../testdata/', import.meta.url));
const repository = fileURLToPath(new URL('../../../../', import.meta.url));
const given = process.env.RAFT_TESTDATA ?? join(repository, '../shared/raft-testdata');

function scenarioFiles(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.txt')).sort();
}

function replay(path: string): string {
  const mismatches = runScenario(readFileSync(path, 'utf8'), 'strict');
  return describeMismatches(mismatches, 'strict');
}

describe('the scenarios of this project', () => {
  it.each(scenarioFiles(own))('%s replays to the letter', (name) => {
    expect(replay(join(own, name))).toBe('');
  });
});

if (existsSync(given)) {
  describe('the scenarios of etcd-raft, log lines included', () => {
    it.each(scenarioFiles(given))('%s replays to the letter', (name) => {
      expect(replay(join(given, name))).toBe('');
    });
  });
} else {
  it(`the scenarios of etcd-raft count as skipped: ${given} is missing (RAFT_TESTDATA names another place)`, () => {
    expect(existsSync(given)).toBe(false);
  });
}
