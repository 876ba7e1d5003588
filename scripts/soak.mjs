// `npm run soak [-- --hours N]`: kills under load, round after round with another seed, until the time is up or a promise
// is broken. Each round starts the product anew, so that every round can be replayed by its seed (`npm run test:faults`).
//
// `npm run soak -- --bounded [--minutes N] [--rate N] [--case empty|inventory] [--svg FILE]`: a steady load without kills, and
// whether tables, log and memory level off (`bench/bounded.mjs`).
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ensureReady } from './lib/setup.mjs';

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '8' },
    bounded: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '5' },
    rate: { type: 'string', default: '300' },
    case: { type: 'string', default: 'inventory' },
    svg: { type: 'string' },
  },
});

const HOUR_MS = 3_600_000;
const KILLS_PER_ROUND = 50;
const CLIENTS = 8;

await ensureReady();
await (values.bounded ? soakBounded() : soakFaults());

async function soakFaults() {
  const { runFaults } = await import('../test/product/faults.mjs');
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
}

async function soakBounded() {
  const { runBounded } = await import('../bench/bounded.mjs');
  const { svgChart, textChart, verdictOn } = await import('../bench/series.mjs');
  const onSample = (text) => process.stderr.isTTY && process.stderr.write(`\r${text}   `);
  const seconds = Number(values.minutes) * 60;
  const result = await runBounded({ seconds, rate: Number(values.rate), case: values.case, onSample });
  const { series, topics } = result;
  const load = `${result.committed} transactions in ${Math.round(result.seconds)} s, ${Math.round(result.perSecond)} per second`;
  console.log(`\n${load}; not committed: ${JSON.stringify(result.failed)}\n\n${textChart(series)}\n`);
  for (const [topic, settings] of Object.entries(topics)) console.log(`${topic}: ${JSON.stringify(settings)}`);
  console.log(`Kafka, bytes per transaction: ${JSON.stringify(result.kafkaBytes)}`);
  if (values.svg) await writeFile(values.svg, svgChart(series, { title: load, seconds: result.seconds }));
  const growing = series.filter((one) => !verdictOn(one).isLevel);
  const unbounded = Object.entries(topics).filter(([, settings]) => !(Number(settings['retention.ms']) > 0));
  for (const { name } of growing) console.error(`GROWS ${name}`);
  for (const [topic] of unbounded) console.error(`WITHOUT RETENTION ${topic}`);
  if (growing.length + unbounded.length > 0) process.exitCode = 1;
}
