// `npm run soak [-- --hours N]`: kills under load, round after round with another seed, until the time is up or a promise
// is broken. Each round starts the product anew, so that every round can be replayed by its seed (`npm run test:faults`).
import { parseArgs } from 'node:util';
import { ensureReady } from './lib/setup.mjs';

await ensureReady();
const { runFaults } = await import('../test/product/faults.mjs');
const { values } = parseArgs({ options: { hours: { type: 'string', default: '8' } } });

const HOUR_MS = 3_600_000;
const KILLS_PER_ROUND = 50;
const CLIENTS = 8;
const until = Date.now() + Number(values.hours) * HOUR_MS;
let rounds = 0;
let committed = 0;

while (Date.now() < until && !process.exitCode) {
  const seed = Date.now() % 1_000_000;
  const result = await runFaults({ kills: KILLS_PER_ROUND, clients: CLIENTS, seed });
  rounds += 1;
  committed += result.committed;
  console.log(
    `round ${rounds}, seed ${seed}: ${result.committed} committed, ${result.aborted} aborted, quiet after ${result.quietMs} ms`,
  );
  if (result.violations.length === 0) continue;
  for (const violation of result.violations) console.error(`VIOLATION ${violation}`);
  console.error(`replay with: npm run test:faults -- --kills ${KILLS_PER_ROUND} --seed ${seed}`);
  process.exitCode = 1;
}
console.log(`${rounds} rounds, ${committed} transfers committed`);
