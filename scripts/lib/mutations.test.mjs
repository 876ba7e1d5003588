import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { mutations as raftMutations } from '../raft-mutations.mjs';
import { LOCK_MUTATIONS } from './lock-mutations.mjs';
import { RULE_MUTATIONS } from './rule-mutations.mjs';
import { root } from './setup.mjs';
import { SNAPSHOT_MUTATIONS } from './snapshot-mutations.mjs';

const ofRaft = raftMutations.map(({ fault, file, find }) => ({
  ...{ rule: 'raft', what: fault, find },
  file: join('libs', 'raft', 'src', file),
}));

// Whoever moves a line that a rule depends on moves its mutation too, and not months later.
describe('every wrong line finds the right one that it is to stand in for', () => {
  it.each([...RULE_MUTATIONS, ...SNAPSHOT_MUTATIONS, ...LOCK_MUTATIONS, ...ofRaft])(
    '$rule: $what',
    async ({ file, find, nth }) => {
      const source = await readFile(join(root, file), 'utf8');
      const places = source.split(find).length - 1;
      if (nth === undefined) expect(places).toBe(1);
      else expect(places).toBeGreaterThan(nth);
    },
  );
});
