import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WatchedFile } from './watched-file.js';

const LOOK_MS = 20;
const PATIENCE_MS = 20_000;

const number = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new Error('no number');
  return value;
};

describe('a file that is watched', () => {
  let directory: string;
  let path: string;
  let file: WatchedFile<number> | undefined;
  let told: (string | undefined)[];

  const watch = () => {
    file = new WatchedFile(path, number, (error) => told.push(error?.message), LOOK_MS);
    return file;
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    const end = Date.now() + PATIENCE_MS;
    while (!isSo() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    expect(isSo()).toBe(true);
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'concordat-watched-'));
    path = join(directory, 'file');
    told = [];
    writeFileSync(path, '1');
  });
  afterEach(() => {
    file?.close();
    file = undefined;
    rmSync(directory, { recursive: true, force: true });
  });

  it('is read again when it is written, and when it is replaced', async () => {
    const watched = watch();
    expect(watched.value).toBe(1);
    writeFileSync(path, '22');
    await until(() => watched.value === 22);
    writeFileSync(`${path}.new`, '33');
    renameSync(`${path}.new`, path);
    await until(() => watched.value === 33);
    expect(watched.reloads.taken).toBeGreaterThanOrEqual(2);
  });

  it('is read again when a symbolic link on the way is exchanged, as Kubernetes does it', async () => {
    unlinkSync(path);
    writeFileSync(join(directory, 'a'), '1');
    writeFileSync(join(directory, 'b'), '2');
    symlinkSync('a', join(directory, 'data'));
    symlinkSync('data', path);
    const watched = watch();
    symlinkSync('b', join(directory, 'data.new'));
    renameSync(join(directory, 'data.new'), join(directory, 'data'));
    await until(() => watched.value === 2);
  });

  it('leaves the last good version in force where the new one cannot be used, or is gone', async () => {
    const watched = watch();
    writeFileSync(path, 'nonsense');
    await until(() => watched.reloads.refused > 0);
    expect([watched.value, told[0]]).toEqual([1, 'no number']);
    const before = watched.reloads.refused;
    unlinkSync(path);
    await until(() => watched.reloads.refused > before && (told.at(-1) ?? '').includes('ENOENT'));
    expect(watched.value).toBe(1);
    writeFileSync(path, '4');
    await until(() => watched.value === 4);
  });

  it('must be good at the start', () => {
    writeFileSync(path, 'nonsense');
    expect(watch).toThrow('no number');
    unlinkSync(path);
    expect(watch).toThrow('ENOENT');
    writeFileSync(path, 'x'.repeat(5 * 1024 * 1024));
    expect(watch).toThrow('larger than');
  });
});
