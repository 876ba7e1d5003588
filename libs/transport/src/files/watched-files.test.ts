import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WatchedFiles } from './watched-files.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-files-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (names: string[], events: string[]) =>
  new WatchedFiles({
    paths: names.map((name) => join(directory, name)),
    parse: (contents) => {
      const text = contents.join('+');
      if (text.includes('bad')) throw new Error('cannot be used');
      return text;
    },
    onChange: (value) => events.push(value),
    onError: ({ message }) => events.push(message.replaceAll(directory, '')),
    reloadIntervalMs: 10,
  });
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe('watched files', () => {
  it('are read again when one is written over or renamed into place', async () => {
    const events: string[] = [];
    await Promise.all(['a', 'b'].map((name) => writeFile(join(directory, name), `${name}1`)));
    const files = open(['a', 'b'], events);
    expect(files.value).toBe('a1+b1');
    await writeFile(join(directory, 'new'), 'a2');
    await rename(join(directory, 'new'), join(directory, 'a'));
    await until(() => files.value === 'a2+b1');
    files.close();
    expect(events).toEqual(['a2+b1']);
  });

  it('are read again when Kubernetes swaps the link to the directory that they are in', async () => {
    const events: string[] = [];
    for (const version of ['1', '2']) {
      await mkdir(join(directory, `..${version}`));
      await writeFile(join(directory, `..${version}`, 'key'), version);
    }
    await symlink('..1', join(directory, '..data'));
    await symlink(join('..data', 'key'), join(directory, 'key'));
    const files = open(['key'], events);
    await symlink('..2', join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
    await until(() => files.value === '2');
    files.close();
    expect(events).toEqual(['2']);
  });

  it('that cannot be used, or are gone, change nothing and are complained of once', async () => {
    const events: string[] = [];
    await writeFile(join(directory, 'a'), 'good');
    const files = open(['a'], events);
    await writeFile(join(directory, 'a'), 'bad');
    await until(() => events.length > 0);
    await files.reload();
    await files.reload();
    expect(files.value).toBe('good');
    await rm(join(directory, 'a'));
    await until(() => events.length > 1);
    await writeFile(join(directory, 'a'), 'better');
    await until(() => files.value === 'better');
    files.close();
    expect(events).toEqual(['cannot be used', expect.stringMatching(/^ENOENT/), 'better']);
  });

  it('must be there and usable at the start, and of a bounded size', async () => {
    expect(() => open(['missing'], [])).toThrow(/ENOENT/);
    await writeFile(join(directory, 'a'), 'bad');
    expect(() => open(['a'], [])).toThrow('cannot be used');
    await writeFile(join(directory, 'a'), 'x'.repeat(5 * 1024 * 1024));
    expect(() => open(['a'], [])).toThrow('larger than');
  });
});
