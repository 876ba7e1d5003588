import { describe, expect, it } from '@jest/globals';
import type { SimulationOptions } from './settings.js';
import { Simulation } from './simulation.js';

const STEPS = 8_000;
const SEEDS = 5;
const GLOBAL: SimulationOptions = { steps: STEPS, isolation: 'global', serializable: false };

async function runSeeds(options: SimulationOptions, replay: string): Promise<number> {
  let committed = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const result = await new Simulation(seed, options).run();
    const how = `npm run simulate -- --seed ${seed} --steps ${STEPS} ${replay} --trace`;
    if (result.failure) throw new Error(`seed ${seed}, step ${result.steps}: ${result.failure.stack}\nreplay: ${how}`);
    expect(result.faults).toBeGreaterThan(0);
    committed += result.committed;
  }
  return committed;
}

describe('the whole system on virtual time', () => {
  // A system that commits nothing keeps every promise, too.
  it('keeps every promise under faults, and comes to rest when they stop', async () => {
    expect(await runSeeds(GLOBAL, '')).toBeGreaterThan(SEEDS * 5);
  });

  it('keeps those of serializable transactions', async () => {
    expect(await runSeeds({ ...GLOBAL, serializable: true }, '--serializable')).toBeGreaterThan(SEEDS * 5);
  });

  it('keeps those of local isolation', async () => {
    expect(await runSeeds({ ...GLOBAL, isolation: 'local' }, '--isolation local')).toBeGreaterThan(SEEDS * 5);
  });

  it('does the same again under the same seed, to the letter', async () => {
    const traces: string[][] = [[], []];
    const results = [];
    for (const lines of traces) {
      results.push(await new Simulation(7, { ...GLOBAL, trace: (line) => lines.push(line) }).run());
    }
    expect(results[1]).toEqual(results[0]);
    expect(traces[1]).toEqual(traces[0]);
    expect(traces[0]?.length).toBeGreaterThan(1_000);
    const { digest } = await new Simulation(8, GLOBAL).run();
    expect(digest).not.toBe(results[0]?.digest);
  });
});
