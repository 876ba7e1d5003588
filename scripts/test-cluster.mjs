// `npm run test:cluster`: three replicas and three participants under load, while whatever can die does.
//
//   npm run test:cluster [-- --minutes 5 --clients 16 --seed N --election-timeout-ms 1000 --faults 'kill the leader,…']
//   npm run test:cluster -- --failovers 20       how long the death of a leader is felt
import { parseArgs } from 'node:util';
import { ensureReady } from './lib/setup.mjs';

await ensureReady();
const { FAULT_NAMES, measureFailovers, runClusterFaults } = await import('../test/product/cluster-faults.mjs');
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    clients: { type: 'string', default: '16' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    faults: { type: 'string' },
    failovers: { type: 'string' },
    'election-timeout-ms': { type: 'string', default: '1000' },
  },
});
const electionTimeoutMs = Number(values['election-timeout-ms']);
const report = (line) => console.log(line);
const result = values.failovers
  ? await measureFailovers({ kills: Number(values.failovers), electionTimeoutMs, report })
  : await runClusterFaults({
      durationMs: Number(values.minutes) * 60_000,
      clients: Number(values.clients),
      seed: Number(values.seed),
      electionTimeoutMs,
      report,
      ...(values.faults && { faults: known(values.faults.split(',')) }),
    });
console.log(JSON.stringify(result, null, 2));
process.exitCode = result.violations.length === 0 ? 0 : 1;

function known(names) {
  const strange = names.find((name) => !FAULT_NAMES.includes(name));
  if (strange !== undefined) throw new Error(`No fault is called ${strange}; there are: ${FAULT_NAMES.join(', ')}.`);
  return names;
}
