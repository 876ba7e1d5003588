import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

describe('the main entry', () => {
  it('needs nothing that a browser has not: it compiles with the types of the DOM and without those of Node', () => {
    const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
    const project = fileURLToPath(new URL('../test/browser', import.meta.url));
    const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', project], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    expect([stdout, status]).toEqual(['', 0]);
  });
});
