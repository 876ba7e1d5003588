// The whole system in one process on virtual time: apps/simulator.
//
//   npm run simulate -- --seed N --steps M [--seeds K] [--isolation local|global] [--serializable] [--trace]
//
// Runs the seeds N to N + K - 1. Each draws its workload and its faults, which last M events; then all is repaired and
// has to come to rest. A broken promise ends it: seed, step, explanation, and how to replay it. The same seed and options
// give the same run, to the letter: its digest says so.

import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';

const PROGRESS_EVERY_SEEDS = 10;

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '20000' },
    seeds: { type: 'string', default: '1' },
    isolation: { type: 'string', default: 'global' },
    serializable: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
  },
});
const [first, steps, seeds] = [values.seed, values.steps, values.seeds].map(Number);
const { isolation, serializable } = values;
const areCounts = [first, steps, seeds].every((count) => Number.isSafeInteger(count) && count > 0);
if (!areCounts || !['local', 'global'].includes(isolation) || (serializable && isolation === 'local')) {
  console.error(
    'usage: npm run simulate -- --seed N --steps M [--seeds K] [--isolation local|global] [--serializable] [--trace]\n' +
      '--serializable needs global isolation',
  );
  process.exit(2);
}
await build();
const { Simulation } = await import(pathToFileURL(join(root, 'apps/simulator/dist/simulation.js')).href);

const trace = values.trace ? (line) => console.log(line) : undefined;
const options = { steps, isolation, serializable, trace };
const totals = { committed: 0, aborted: 0, unknown: 0, messages: 0, faults: 0, steps: 0, virtualMs: 0 };
const startedAt = performance.now();
let run = 0;
for (let seed = first; seed < first + seeds; seed += 1) {
  const result = await new Simulation(seed, options).run();
  run += 1;
  for (const name of Object.keys(totals)) totals[name] += result[name];
  if (result.failure) {
    fail(result);
    break;
  }
  if (seeds === 1) console.log(`seed ${seed}: digest ${result.digest}`);
  else if (run % PROGRESS_EVERY_SEEDS === 0)
    console.log(`${run} of ${seeds} seeds, digest of ${seed}: ${result.digest}`);
}
console.table({ [`${run} seed${run === 1 ? '' : 's'} from ${first}`]: row() });

function fail({ seed, steps: step, digest, failure }) {
  process.exitCode = 1;
  const text = failure.name === 'Violation' ? failure.message : failure.stack;
  const flags = `--isolation ${isolation}${serializable ? ' --serializable' : ''}`;
  console.log(`VIOLATION at seed ${seed}, step ${step} (digest ${digest})\n  ${text}`);
  console.log(`replay: npm run simulate -- --seed ${seed} --steps ${steps} ${flags} --trace`);
}

function row() {
  const { virtualMs, ...counts } = totals;
  return {
    ...counts,
    'virtual s': Math.round(virtualMs / 1000),
    'real s': Number(((performance.now() - startedAt) / 1000).toFixed(1)),
  };
}
