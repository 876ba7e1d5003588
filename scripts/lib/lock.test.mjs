import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { takeLock, tryLock } from './lock.mjs';

describe('a lock', () => {
  let directory;
  let path;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'concordat-lock-'));
    path = join(directory, 'some.lock');
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is held by one, who is named to the others, until it is released', async () => {
    const release = await tryLock(path);
    expect(await tryLock(path)).toEqual({ holderPid: process.pid });
    const waited = [];
    const second = takeLock(path, (pid) => waited.push(pid));
    await release();
    await (await second)();
    expect(waited.length).toBeLessThanOrEqual(1);
    expect(await readdir(directory)).toEqual([]);
  });

  it('is taken over from a process that was killed', async () => {
    const script = `import { tryLock } from ${JSON.stringify(new URL('./lock.mjs', import.meta.url).href)};
      await tryLock(${JSON.stringify(path)}); console.log('held'); setInterval(() => {}, 1e6);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    expect(await tryLock(path)).toEqual({ holderPid: holder.pid });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const release = await tryLock(path);
    expect(release).toBeInstanceOf(Function);
    await release();
  });

  it('is taken over when its file is not whole, or names a process that is somebody else now', async () => {
    for (const text of ['', '{"pid":', JSON.stringify({ pid: process.pid, command: 'another program' })]) {
      await writeFile(path, text);
      const release = await tryLock(path);
      expect(release).toBeInstanceOf(Function);
      await release();
    }
  });
});
