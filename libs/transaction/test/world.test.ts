import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { contradictions } from './checkers.js';
import { World } from './world.js';

/** `MODEL_RUNS` asks for more runs; `MODEL_SEED` and `MODEL_PATH`, printed by a failure, replay it. */
const { MODEL_RUNS, MODEL_SEED, MODEL_PATH } = process.env;
const RUNS = Number(MODEL_RUNS ?? 600);
const STEPS_MAX = 400;
/** Each is three seconds of the world: deadlines are at 20 s, resends at most 4 s apart. */
const ROUNDS_MAX = 40;

function run(choices: readonly number[]): string[] {
  const world = new World();
  for (const choice of choices) world.step(choice);
  const quiet = world.drain(ROUNDS_MAX);
  return [...(quiet ? [] : ['the world did not come to rest']), ...contradictions(world)];
}

describe('the core, under any schedule of messages, faults and leaders', () => {
  it(
    'ends every transaction in one outcome, the same in every branch, and breaks no promise',
    () => {
      const schedule = fc.array(fc.nat({ max: 2 ** 31 - 1 }), { maxLength: STEPS_MAX, size: 'max' });
      const result = fc.check(
        fc.property(schedule, (choices) => expect(run(choices)).toEqual([])),
        {
          numRuns: RUNS,
          ...(MODEL_SEED !== undefined && { seed: Number(MODEL_SEED) }),
          ...(MODEL_PATH !== undefined && { path: MODEL_PATH, endOnFailure: true }),
        },
      );
      if (!result.failed) return;
      const replay = `MODEL_SEED=${result.seed} MODEL_PATH=${result.counterexamplePath}`;
      const command = 'NODE_OPTIONS=--experimental-vm-modules npx jest libs/transaction/test';
      throw new Error(`${fc.defaultReportMessage(result)}\n\nReplay with: ${replay} ${command}`);
    },
    10 * 60_000,
  );
});
