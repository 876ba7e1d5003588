// Round trips through Kafka by the transport as built: this process asks, another one echoes.
//   node bench/transport.mjs [--client kafkajs|platformatic] [--seconds 5] [--partitions 4]
//     [--concurrency 1,32,128] [--json]
// Uses KAFKA_BROKERS, or starts a Kafka of its own in a temporary directory.
import { fork } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createTransport } from '../libs/transport/dist/index.js';
import { build } from '../scripts/build.mjs';
import { startKafka } from '../scripts/lib/kafka.mjs';

const here = fileURLToPath(import.meta.url);
const padding = 'x'.repeat(160);

const logger = { info: () => {}, warn: console.error, error: console.error };

/** Answers every request on another topic, until told to stop. */
async function echo() {
  const { brokers, client, run } = JSON.parse(process.env.BENCH_ECHO);
  const transport = createTransport({ brokers, client, clientId: `bench-echo-${run}`, logger });
  await transport.connect();
  await transport.subscribe({
    topic: `bench.requests.${run}`,
    groupId: `bench-echo-${run}`,
    from: 'committed',
    onMessage: ({ key, value }) => transport.send({ topic: `bench.replies.${run}`, key, value: value.toString() }),
  });
  process.on('message', async (message) => {
    if (message === 'cpu') process.send(process.cpuUsage());
    if (message !== 'stop') return;
    await transport.close();
    process.disconnect();
  });
  process.send('ready');
}

async function measure({ brokers, brokerPid, client, concurrencies, seconds, partitions }) {
  const run = `${client}.${Date.now().toString(36)}`;
  const transport = createTransport({ brokers, client, clientId: `bench-${run}`, logger });
  await transport.connect();
  await transport.ensureTopics([
    { name: `bench.requests.${run}`, partitions },
    { name: `bench.replies.${run}`, partitions },
  ]);
  const child = fork(here, {
    env: { ...process.env, BENCH_ECHO: JSON.stringify({ brokers, client, run }) },
    execArgv: [],
  });
  await new Promise((resolve) => child.once('message', resolve));
  const waiting = new Map();
  await transport.subscribe({
    topic: `bench.replies.${run}`,
    groupId: `bench-${run}`,
    from: 'end',
    onMessage: ({ key }) => waiting.get(key)?.(),
  });
  const context = { transport, topic: `bench.requests.${run}`, waiting, child, brokerPid };
  // The virtual machines of both sides have to get warm.
  await roundTrips(context, 64, 3_000);
  const lines = [];
  for (const concurrency of concurrencies) {
    lines.push({ client, concurrency, ...(await roundTrips(context, concurrency, seconds * 1_000)) });
  }
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.send('stop');
  await Promise.all([transport.close(), gone]);
  return lines;
}

let sequence = 0;

async function roundTrips({ transport, topic, waiting, child, brokerPid }, concurrency, durationMs) {
  const latencies = [];
  const before = { ...transport.statistics };
  const echoBefore = await cpuOf(child);
  const brokerBefore = await cpuSeconds(brokerPid);
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const end = start + durationMs;
  const loop = async () => {
    while (performance.now() < end) {
      sequence += 1;
      const key = `bench-${sequence.toString(36)}`;
      const started = performance.now();
      const answered = new Promise((resolve) => waiting.set(key, resolve));
      await transport.send({ topic, key, value: JSON.stringify({ schema: 1, key, padding }) });
      await answered;
      waiting.delete(key);
      latencies.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  const elapsedMs = performance.now() - start;
  const cpu = process.cpuUsage(cpuBefore);
  const brokerAfter = await cpuSeconds(brokerPid);
  const echoAfter = await cpuOf(child);
  latencies.sort((a, b) => a - b);
  const count = latencies.length;
  const micros = (usage) => (usage.user + usage.system) / count;
  return {
    perSecond: Math.round((count / elapsedMs) * 1_000),
    p50Ms: round(latencies[Math.floor(count * 0.5)]),
    p99Ms: round(latencies[Math.floor(count * 0.99)]),
    cpuMicros: round(micros(cpu)),
    echoCpuMicros: round(micros(echoAfter) - micros(echoBefore)),
    brokerCpuMicros: brokerPid ? round(((brokerAfter - brokerBefore) * 1e6) / count) : undefined,
    meanBatch: round(
      (transport.statistics.messagesSent - before.messagesSent) /
        (transport.statistics.batchesSent - before.batchesSent),
    ),
  };
}

function cpuOf(child) {
  return new Promise((resolve) => {
    child.once('message', resolve);
    child.send('cpu');
  });
}

const round = (value) => Math.round(value * 100) / 100;

/** CPU seconds that a process has used, as far as /proc tells. */
async function cpuSeconds(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function main() {
  const { values } = parseArgs({
    options: {
      client: { type: 'string', multiple: true, default: ['platformatic', 'kafkajs'] },
      seconds: { type: 'string', default: '5' },
      partitions: { type: 'string', default: '4' },
      concurrency: { type: 'string', default: '1,32,128' },
      json: { type: 'boolean', default: false },
    },
  });
  await build();
  const directory = join(tmpdir(), `concordat-bench-transport-${process.pid}`);
  const given = process.env.KAFKA_BROKERS?.split(',');
  const kafka = given ? undefined : await startKafka({ directory, onProgress: (text) => console.error(text) });
  try {
    for (const client of values.client) {
      const concurrencies = values.concurrency.split(',').map(Number);
      const lines = await measure({
        brokers: given ?? [kafka.brokers],
        brokerPid: kafka?.pid,
        client,
        concurrencies,
        seconds: Number(values.seconds),
        partitions: Number(values.partitions),
      });
      if (values.json) for (const line of lines) console.log(JSON.stringify(line));
      else console.table(lines);
    }
  } finally {
    await kafka?.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

await (process.env.BENCH_ECHO ? echo() : main());
