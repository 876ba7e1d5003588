import { describe, expect, it } from '@jest/globals';
import { Simulation, simulate } from './simulation.js';

const RUNS = 300;

describe('a simulated cluster', () => {
  it(`keeps every promise under ${RUNS} seeds of faults, and comes to rest when they stop`, () => {
    let answered = 0;
    for (let seed = 1; seed <= RUNS; seed++) {
      const { failure, answered: count } = simulate(seed);
      if (failure) {
        const replay = `replay: npm run simulate:raft -- --seed ${seed} --runs 1`;
        throw new Error(`seed ${seed}: ${failure.error.stack}\n${failure.trace.join('\n')}\n${replay}`);
      }
      answered += count;
    }
    // A cluster that answers nobody keeps every promise, too.
    expect(answered).toBeGreaterThan(RUNS * 50);
  }, 120_000);

  it('does the same again under the same seed, to the letter', () => {
    for (const seed of [17, 42]) {
      const first = new Simulation(seed).run();
      const second = new Simulation(seed, 50).run();
      expect(second).toEqual(first);
      expect(new Simulation(seed + 1).run().fingerprint).not.toBe(first.fingerprint);
    }
  });
});
