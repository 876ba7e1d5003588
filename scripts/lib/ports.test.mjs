import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { freePort, isPortFree, reservePort } from './ports.mjs';

describe('free ports', () => {
  it('are given once each, also to those who ask at the same time', async () => {
    const ports = await Promise.all(Array.from({ length: 500 }, freePort));
    expect(new Set(ports).size).toBe(500);
    expect(await isPortFree(ports[0])).toBe(true);
  });

  it('are given again to one alone, when an old reservation ends while several ask', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'concordat-ports-test-'));
    try {
      const periodMs = 120_000;
      for (let round = 0; round < 20; round += 1) {
        const nowMs = periodMs * 3 * round;
        const given = await Promise.all(Array.from({ length: 20 }, () => reservePort(folder, 80, nowMs)));
        expect(given.filter(Boolean)).toHaveLength(1);
        expect(await reservePort(folder, 80, nowMs + periodMs)).toBe(false);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
