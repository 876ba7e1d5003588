import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashApiKey } from '@concordat/coordinator-state';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { runConcordat } from './main.js';

describe('concordat keys create', () => {
  let directory: string;
  let file: string;
  let out: string;
  let errors: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'concordat-keys-'));
    file = join(directory, 'api-keys.json');
    out = '';
    errors = '';
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += String(text);
      return true;
    });
    jest.spyOn(console, 'error').mockImplementation((text) => {
      errors += String(text);
    });
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await rm(directory, { recursive: true, force: true });
  });

  const run = (...words: string[]) => runConcordat(['keys', 'create', ...words], {});
  const keysOf = async () => JSON.parse(await readFile(file, 'utf8')).keys;

  it('shows a key once, and what belongs into the file', async () => {
    expect(await run('shop-1', '--caller', 'shop', '--role', 'caller', '--participant', 'inventory')).toBe(0);
    const [key = ''] = /concordat_shop-1_\S{43}/.exec(out) ?? [];
    const [line = '{}'] = /\{.*\}/.exec(out) ?? [];
    expect(JSON.parse(line)).toEqual({
      id: 'shop-1',
      hash: hashApiKey(key),
      caller: 'shop',
      roles: ['caller'],
      participants: ['inventory'],
    });
  });

  it('puts it into the file, beside those there, both for their owner only', async () => {
    const keyFile = join(directory, 'key');
    await run('a', '--caller', 'x', '--role', 'admin', '--participant', '*', '--file', file, '--key-file', keyFile);
    await run('b', '--caller', 'x', '--role', 'monitor', '--file', file, '--expires', '2030-01-01', '--json');
    const key = (await readFile(keyFile, 'utf8')).trim();
    expect(await keysOf()).toMatchObject([
      { id: 'a', hash: hashApiKey(key), roles: ['admin'], participants: '*' },
      { id: 'b', roles: ['monitor'], expiresAt: '2030-01-01T00:00:00.000Z' },
    ]);
    expect(out).not.toContain(key.slice(-43));
    for (const path of [file, keyFile]) expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.each([
    [['A_b', '--caller', 'x', '--role', 'caller'], 2],
    [['a', '--role', 'caller'], 2],
    [['a', '--caller', 'jwt:x', '--role', 'caller'], 2],
    [['a', '--caller', 'x'], 2],
    [['a', '--caller', 'x', '--role', 'king'], 2],
    [['a', '--caller', 'x', '--role', 'caller', '--participant', 'Not One'], 2],
    [['a', '--caller', 'x', '--role', 'caller', '--expires', 'soon'], 2],
    [['a', 'b', '--caller', 'x', '--role', 'caller'], 2],
  ])('refuses %j', async (words, code) => {
    expect(await run(...words)).toBe(code);
    expect(errors).not.toBe('');
    expect(out).toBe('');
  });

  it('replaces no key, and no file that is something else', async () => {
    const words = ['a', '--caller', 'x', '--role', 'caller', '--file', file];
    expect([await run(...words), await run(...words)]).toEqual([0, 5]);
    await writeFile(file, 'something else');
    expect(await run(...words)).toBe(4);
    expect(await readFile(file, 'utf8')).toBe('something else');
  });
});
