import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { systemClock } from '../backoff.js';
import { ApiKeyFile } from './api-key-file.js';
import { Replicas } from './replicas.js';

const QUESTION = { transactionIds: ['1-1-1'] };

describe('the API key of a participant', () => {
  let coordinator: FakeCoordinator;
  let directory: string;
  let path: string;
  let later = 0;
  const lines: string[] = [];
  const clock = { ...systemClock, nowMs: () => Date.now() + later };

  beforeEach(async () => {
    coordinator = await FakeCoordinator.start();
    coordinator.apiKey = 'concordat_east-1_first';
    directory = mkdtempSync(join(tmpdir(), 'concordat-key-'));
    path = join(directory, 'key');
    later = 0;
    lines.length = 0;
  });
  afterEach(async () => {
    await coordinator.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const replicas = (key?: ApiKeyFile, statusTimeoutMs = 5_000) => {
    const limits = { statusRequestTimeoutMs: 2_000, statusTimeoutMs };
    const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
    return new Replicas([coordinator.url], { limits, logger, clock: systemClock, random: Math.random }, key);
  };

  it('is shown to coordinators, and a new one is taken up without a restart', async () => {
    writeFileSync(path, 'concordat_east-1_first\n');
    const asking = replicas(new ApiKeyFile(path, clock));
    expect(await asking.ask(QUESTION)).toMatchObject({ appliedCsn: 100 });
    coordinator.apiKey = 'concordat_east-2_second';
    writeFileSync(path, 'concordat_east-2_second\n');
    later = 5_001;
    expect(await asking.ask(QUESTION)).toMatchObject({ appliedCsn: 100 });
  });

  it('that is missing or refused makes no status, and a warning that says why, without the key', async () => {
    await expect(replicas(undefined, 200).ask(QUESTION)).rejects.toMatchObject({ code: 'snapshot-unavailable' });
    writeFileSync(path, 'concordat_east-1_wrong');
    const refused = replicas(new ApiKeyFile(path, clock), 200).ask(QUESTION);
    await expect(refused).rejects.toMatchObject({ code: 'snapshot-unavailable' });
    const told = lines.map((line) => JSON.parse(line));
    expect(told.at(-1)).toMatchObject({ level: 40, err: { message: 'answered 401 unauthenticated' } });
    expect(lines.join('')).not.toContain('wrong');
    const none = new ApiKeyFile(join(directory, 'none'), clock);
    await expect(none.authorization()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
