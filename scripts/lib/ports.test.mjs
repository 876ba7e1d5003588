import { describe, expect, it } from '@jest/globals';
import { freePort, isPortFree } from './ports.mjs';

describe('free ports', () => {
  it('are given once each, also to those who ask at the same time', async () => {
    const ports = await Promise.all(Array.from({ length: 500 }, freePort));
    expect(new Set(ports).size).toBe(500);
    expect(await isPortFree(ports[0])).toBe(true);
  });
});
