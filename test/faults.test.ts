import { describe, expect, it } from '@jest/globals';
import { runFaults } from './product/faults.mjs';

describe('kill -9 of the coordinator and of participants under load', () => {
  it('never loses an acknowledged commit, never leaves anything half done', async () => {
    const result = await runFaults({ kills: 6, clients: 8, seed: Number(process.env.FAULTS_SEED ?? 7) });
    expect(result).toMatchObject({ violations: [] });
    expect(result.committed).toBeGreaterThan(0);
  }, 300_000);
});
