import { describe, expect, it } from '@jest/globals';
import { runIsolation } from './isolation/isolation.mjs';
import { runReaders } from './isolation/readers.mjs';

const seed = Number(process.env.ISOLATION_SEED ?? 7);

/** Short forms; `npm run test:isolation` makes long histories, with kills of everything. */
describe('transactions over both accounts participants', () => {
  it('show no anomaly that strong snapshot isolation forbids', async () => {
    const result = await runIsolation({ transactions: 300, seed });
    expect(result).toMatchObject({ violations: [], report: { forbidden: [] }, strong: { anomalies: [] } });
    expect(result.committed).toBeGreaterThan(result.attempts / 2);
  }, 300_000);

  it('show no anomaly at all when every one of them is serializable', async () => {
    const result = await runIsolation({ transactions: 100, keys: 120, seed, serializable: true });
    expect(result).toMatchObject({ violations: [], report: { forbidden: [], allowed: [] } });
    expect(result.committed).toBeGreaterThan(0);
  }, 300_000);

  it('never show half a transfer to whoever reads the total', async () => {
    const { violations, alone, beside, transfers } = await runReaders({ readers: 3, durationMs: 4_000, seed });
    expect(violations).toEqual([]);
    expect(transfers.committed).toBeGreaterThan(0);
    for (const { snapshot, transaction } of [alone, beside]) {
      expect(snapshot.reads).toBeGreaterThan(0);
      expect(transaction.reads).toBeGreaterThan(0);
    }
  }, 300_000);
});
