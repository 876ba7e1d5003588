// npm run bench:audit: writes the records of many transactions to a Kafka of its own, audits them, and says how fast.
//
//   npm run bench:audit                              1,000,000 transactions (5,000,000 records, about 1.2 GB on disk)
//   npm run bench:audit -- --transactions 100000     fewer
//   npm run bench:audit -- --workers 1,2             one audit with each number of workers
//   npm run bench:audit -- --json
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startKafka } from '../scripts/lib/kafka.mjs';
import { ensureReady } from '../scripts/lib/setup.mjs';

const INCARNATION = 1_763_700_000_123;
const PARTICIPANTS = ['accounts-east', 'accounts-west'];
const RECORDS_PER_TRANSACTION = 5;
/** Records on their way to Kafka at once: below the transport's own bound. */
const WAVE = 20_000;
const PLANTED = 3;
const SAMPLE_MS = 50;

const idOf = (sequence) => `${INCARNATION.toString(36)}-1-${sequence.toString(36)}`;

async function main() {
  const { values: options } = parseArgs({
    options: {
      transactions: { type: 'string', default: '1000000' },
      workers: { type: 'string', default: '1,2' },
      json: { type: 'boolean', default: false },
      directory: { type: 'string' },
    },
  });
  await ensureReady();
  const transactions = Number(options.transactions);
  const directory = await mkdtemp(join(options.directory ?? tmpdir(), 'bench-audit-'));
  const kafka = await startKafka({ directory: join(directory, 'kafka'), heapMb: 512 });
  try {
    const written = await inChild(kafka.brokers, transactions);
    say(options, { case: 'write', transactions, ...written, load: load() });
    for (const workers of options.workers.split(',').map(Number)) {
      say(
        options,
        await audit({ brokers: kafka.brokers, directory: join(directory, `w${workers}`), workers }, transactions),
      );
    }
  } finally {
    await kafka.stop();
    await rm(directory, { recursive: true, force: true });
  }
  process.exit(0);
}

/** @returns {Promise<{ seconds: number, recordsPerSecond: number }>} the writing has a process, and memory, of its own */
async function inChild(brokers, transactions) {
  const startedAt = performance.now();
  const child = fork(fileURLToPath(import.meta.url), ['write', brokers, String(transactions)]);
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`the writer ended with ${code}`);
  const seconds = (performance.now() - startedAt) / 1000;
  return { seconds: round(seconds), recordsPerSecond: Math.round((transactions * RECORDS_PER_TRANSACTION) / seconds) };
}

async function write(brokers, transactions) {
  const { createTransport } = await import('@concordat/transport');
  const { CLUSTER_TOPICS } = await import('@concordat/protocol');
  const transport = createTransport({ brokers: [brokers], clientId: 'bench-audit-writer', sendTimeoutMs: 120_000 });
  await transport.connect();
  await transport.ensureTopics(CLUSTER_TOPICS.map(({ name, partitions }) => ({ name, partitions })));
  let wave = [];
  for (let sequence = 1; sequence <= transactions; sequence += 1) {
    for (const message of recordsOf(sequence)) wave.push(transport.send(message));
    if (wave.length < WAVE) continue;
    await Promise.all(wave);
    wave = [];
  }
  for (let sequence = 1; sequence <= PLANTED; sequence += 1) wave.push(transport.send(forged(sequence)));
  await Promise.all(wave);
  await transport.close();
  process.exit(0);
}

/** Two votes, the outcome, two DONEs. */
function* recordsOf(sequence) {
  const transactionId = idOf(sequence);
  const reply = (message) => ({
    topic: 'concordat.replies',
    key: transactionId,
    value: JSON.stringify({ v: 1, transactionId, ...message }),
  });
  for (const participant of PARTICIPANTS) {
    const results = [{ branchId: '1', result: { balance: sequence } }];
    yield reply({ type: 'vote', participant, vote: 'prepared', results, reason: null });
  }
  const csn = INCARNATION * 1024 + sequence;
  const event = { v: 1, type: 'transaction.committed', transactionId, index: sequence, csn };
  const rest = { at: new Date().toISOString(), label: null, participants: PARTICIPANTS, reason: null };
  yield { topic: 'concordat.events', key: transactionId, value: JSON.stringify({ ...event, ...rest }) };
  for (const participant of PARTICIPANTS)
    yield reply({ type: 'done', participant, outcome: 'committed', detail: null });
}

const forged = (sequence) => {
  const transactionId = idOf(sequence);
  const done = { v: 1, type: 'done', transactionId, participant: 'stranger', outcome: 'rolled-back', detail: null };
  return { topic: 'concordat.replies', key: transactionId, value: JSON.stringify(done) };
};

async function audit({ brokers, directory, workers }, transactions) {
  const { Audits } = await import('../apps/coordinator/dist/audit/audits.js');
  const silent = { debug: () => {}, info: () => {}, warn: console.error, error: () => {} };
  const audits = new Audits(directory, 1, {
    brokers: [brokers],
    clientId: 'bench-audit',
    databaseUrl: undefined,
    workers,
    workerFile: new URL('../apps/coordinator/dist/audit-worker.js', import.meta.url),
    confirmApplied: async () => 0,
    logger: silent,
  });
  await audits.open();
  const rssBefore = process.memoryUsage.rss();
  let rssPeak = rssBefore;
  const startedAt = performance.now();
  const { id } = await audits.start({ fromMs: null, toMs: null, settleMs: 0, actor: 'bench' });
  let mappedAt;
  let view;
  for (;;) {
    view = await audits.read(id, { limit: 0, offset: 0 });
    rssPeak = Math.max(rssPeak, process.memoryUsage.rss());
    if (view.progress.stage === 'reduce') mappedAt ??= performance.now();
    if (view.status !== 'running') break;
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await audits.close();
  check(view, transactions);
  const { recordsTotal, bucketsTotal } = view.progress;
  return {
    case: `audit-${workers}`,
    workers,
    transactions,
    records: recordsTotal,
    buckets: bucketsTotal,
    seconds: round(seconds),
    mapSeconds: round(((mappedAt ?? performance.now()) - startedAt) / 1000),
    recordsPerSecond: Math.round(recordsTotal / seconds),
    transactionsPerSecond: Math.round(transactions / seconds),
    transactionsPerSecondPerWorker: Math.round(transactions / seconds / workers),
    rssBeforeMb: Math.round(rssBefore / 2 ** 20),
    rssPeakMb: Math.round(rssPeak / 2 ** 20),
    load: load(),
  };
}

/** A fast audit that is wrong is no figure. */
function check({ status, failure, totals }, transactions) {
  const wanted = { transactions, complete: transactions - PLANTED, mixed: PLANTED };
  const { complete, mixed } = totals.verdicts;
  const found = { transactions: totals.transactions, complete, mixed };
  if (status !== 'completed' || JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(
      `the audit ${status} with ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}: ${failure}`,
    );
  }
}

const round = (number) => Math.round(number * 10) / 10;
const load = () => round(loadavg()[0]);

function say({ json }, result) {
  if (json) console.log(JSON.stringify(result));
  else console.table(result);
}

if (process.argv[2] === 'write') await write(process.argv[3], Number(process.argv[4]));
else await main();
