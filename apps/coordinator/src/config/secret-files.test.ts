import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ConfigError } from './config.js';
import { withSecretFiles } from './secret-files.js';

describe('secrets in files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'concordat-secrets-'));
  const path = join(directory, 'url');
  writeFileSync(path, 'postgres://user:password@host/database\n');

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('stand for the variable', () => {
    expect(withSecretFiles({ DATABASE_URL_FILE: path, PORT: '1' })).toMatchObject({
      DATABASE_URL: 'postgres://user:password@host/database',
      PORT: '1',
    });
  });

  it('leave an environment without them as it is', () => {
    expect(withSecretFiles({ DATABASE_URL: 'a', DATABASE_URL_FILE: '' }).DATABASE_URL).toBe('a');
  });

  it('are refused when they cannot be read, or when the variable is set as well', () => {
    expect(() => withSecretFiles({ DATABASE_URL_FILE: join(directory, 'none') })).toThrow(ConfigError);
    expect(() => withSecretFiles({ DATABASE_URL_FILE: path, DATABASE_URL: 'a' })).toThrow(/both set/);
  });
});
