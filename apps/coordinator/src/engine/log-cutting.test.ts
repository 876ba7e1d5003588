/** W3: the decision log is cut, and only below what Postgres holds. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { leadingEngine, pass } from '../../test/engine.js';
import { COMPACT_EVERY_ENTRIES } from './replica.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Entries that change nothing. */
const fill = (engine: Awaited<ReturnType<typeof leadingEngine>>, count: number) => {
  for (let i = 0; i < count; i += 1) engine.replica.propose({ type: 'published', index: 0 });
  engine.log.applyAll();
};

describe('W3: cutting the decision log', () => {
  it('W3: follows what Postgres holds, time and again', async () => {
    const engine = await leadingEngine();
    for (let round = 1; round <= 3; round += 1) {
      fill(engine, COMPACT_EVERY_ENTRIES);
      await pass(1000);
      expect(engine.log.compactions).toHaveLength(round);
      expect(engine.log.compactions.at(-1)?.throughIndex).toBe(engine.replica.persister.persistedIndex);
    }
  });

  it('W3: waits while Postgres is away', async () => {
    const engine = await leadingEngine();
    await pass(1000);
    let open: () => void = () => undefined;
    engine.store.gate = new Promise((resolve) => {
      open = resolve;
    });
    fill(engine, 2 * COMPACT_EVERY_ENTRIES);
    await pass(5000);
    expect(engine.log.compactions).toEqual([]);
    open();
    await pass(1000);
    expect(engine.log.compactions).toHaveLength(1);
  });
});
