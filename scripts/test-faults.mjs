// `npm run test:faults [-- --kills N --clients N --seed N]`: kills coordinator and participants at random under load and
// checks that nothing is ever half done.
import { parseArgs } from 'node:util';
import { ensureReady } from './lib/setup.mjs';

await ensureReady();
const { runFaults } = await import('../test/product/faults.mjs');
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    clients: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const result = await runFaults({
  kills: Number(values.kills),
  clients: Number(values.clients),
  seed: Number(values.seed),
  report: (line) => console.log(line),
});
console.log(JSON.stringify(result, null, 2));
process.exitCode = result.violations.length === 0 ? 0 : 1;
