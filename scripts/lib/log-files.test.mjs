import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { boundLog, LOG_BYTES_MAX, lastLines, readable, rotateLog } from './log-files.mjs';

describe('a log of the starter', () => {
  let log;
  beforeEach(async () => {
    log = join(await mkdtemp(join(tmpdir(), 'concordat-log-')), 'app.log');
  });
  afterEach(() => rm(join(log, '..'), { recursive: true }));

  it('is moved aside when a new run begins', async () => {
    await writeFile(log, 'earlier\n');
    await rotateLog(log);
    expect(await readFile(`${log}.1`, 'utf8')).toBe('earlier\n');
    expect(await lastLines(log, 5)).toEqual([]);
  });

  it('starts again from nothing when it has grown too large', async () => {
    await writeFile(log, Buffer.alloc(LOG_BYTES_MAX, 'x'));
    await boundLog(log);
    expect(await readFile(log, 'utf8')).toBe('');
  });

  it('shows its last lines as sentences', async () => {
    await writeFile(
      log,
      'one\n{"level":50,"msg":"cannot start","err":{"message":"no topic"}}\n{"level":30,"msg":"bye"}\n',
    );
    expect(await lastLines(log, 2)).toEqual(['cannot start: no topic', 'bye']);
  });

  it('leaves a line that is not whole as it is', () => {
    expect(readable('{"level":50,"ms')).toBe('{"level":50,"ms');
  });
});
