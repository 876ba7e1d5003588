// Runs the deterministic simulator of libs/raft: `npm run simulate:raft -- --seed N --runs M`. Every run is drawn from its
// seed; a failure prints the seed and the last events, and the same seed replays them to the letter.

import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '200' },
    trace: { type: 'string', default: '60' },
    'keep-going': { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const runs = Number(values.runs);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(runs) || runs < 1) {
  console.error('usage: npm run simulate:raft -- --seed N --runs M [--trace EVENTS] [--keep-going]');
  process.exit(2);
}

await build();
const { simulate } = await import(pathToFileURL(join(root, 'libs/raft/dist/simulator/simulation.js')).href);

const totals = { operations: 0, answered: 0, messages: 0, entriesApplied: 0, wasStuckByDesign: 0 };
let failures = 0;
const startedAt = performance.now();
for (let seed = first; seed < first + runs; seed++) {
  const result = simulate(seed, Number(values.trace));
  for (const name of Object.keys(totals)) totals[name] += Number(result[name]);
  if (runs === 1) console.log(`seed ${seed}: fingerprint ${result.fingerprint}`);
  if (!result.failure) continue;
  failures++;
  const { error, trace } = result.failure;
  console.log(`FAIL seed ${seed}: ${error.name === 'SafetyViolation' ? error.message : error.stack}`);
  console.log(trace.map((line) => `  ${line}`).join('\n'));
  console.log(`replay: npm run simulate:raft -- --seed ${seed} --runs 1`);
  if (!values['keep-going']) break;
}
const seconds = (performance.now() - startedAt) / 1000;
console.log(
  `${failures === 0 ? 'OK' : `${failures} failed`}: seeds ${first}..${first + runs - 1}, ${totals.messages} messages, ` +
    `${totals.entriesApplied} entries applied, ${totals.answered} of ${totals.operations} operations answered, ` +
    `${totals.wasStuckByDesign} stuck by design (libs/raft/docs/core.md), ` +
    `${seconds.toFixed(1)} s`,
);
process.exitCode = failures === 0 ? 0 : 1;
