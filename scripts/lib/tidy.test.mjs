import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { root } from './setup.mjs';
import { findUntidy, inspect } from './tidy.mjs';

const run = promisify(execFile);

describe('the tree', () => {
  it('is tidy', async () => {
    expect(await findUntidy()).toEqual([]);
  });

  it('keeps its boundaries', async () => {
    const depcruise = `${root}/node_modules/dependency-cruiser/bin/dependency-cruiser.mjs`;
    const words = ['--config', '.dependency-cruiser.cjs', '--output-type', 'err', 'libs', 'apps'];
    const { stdout } = await run(process.execPath, [depcruise, ...words], { cwd: root });
    expect(stdout).toContain('no dependency violations found');
  });
});

describe('untidiness', () => {
  it.each([
    ['a.ts', `// ${'TO'}DO later`],
    ['a.test.ts', `it.${'skip'}('works', () => {});`],
    ['a.test.mjs', `describe.${'only'}('all', () => {});`],
    ['package-lock.json', `"resolved": "https://${'registry'}.npmjs.org/zod"`],
    ['docs/a.md', `see /${'home'}/somebody/notes`],
  ])('is found in %s: %s', (path, line) => {
    expect(inspect(path, line)).toHaveLength(1);
  });

  it.each([['libs/raft/src/utils.ts'], ['apps/common/index.ts'], ['scripts/lib/test-helpers/../helpers.mjs']])(
    'is a name like %s',
    (path) => {
      expect(inspect(path, '')).toHaveLength(1);
    },
  );

  it('is a file beyond the bound', () => {
    expect(inspect('a.ts', 'line\n'.repeat(501))).toEqual(['a.ts: 501 lines, and 500 is the bound']);
    expect(inspect('a.ts', 'line\n'.repeat(500))).toEqual([]);
  });

  it('is not a word that only looks similar', () => {
    expect(inspect('a.ts', 'const network = "apps/network/root/";')).toEqual([]);
    expect(inspect('a.test.ts', "it('skips what is done', () => {});")).toEqual([]);
  });
});
