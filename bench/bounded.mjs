// Whether tables, log and memory stay bounded under endless load: a steady load on one replica that keeps finished
// transactions for seconds rather than a day, and everything that could grow, sampled.
import { randomUUID } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Admin, ConfigResourceTypes } from '@platformatic/kafka';
import pg from 'pg';
import { Pool } from 'undici';
import { openCase, SKUS_PER_CALLER } from './cases.mjs';
import { Closing, openSurroundings } from './surroundings.mjs';

const SAMPLE_INTERVAL_MS = 3_000;
/** Transactions are begun in small groups, this often. */
const PACE_MS = 20;
/** Beyond it the load waits: the rate is then what the system can do. */
const IN_FLIGHT_MAX = 128;
/** As many callers' rows are there; each row is locked for a moment only. */
const CALLERS = 32;
const KEPT_MS = 20_000;
const MiB = 1024 * 1024;
const SEGMENT_MIB = 16;
/** What a garbage collector may let lie at one moment and not at another. */
const HEAP_SLACK_MIB = 64;

/**
 * @param {{ seconds: number, rate: number, case: 'empty' | 'inventory', onSample?: (text: string) => void }} options rate per second
 * @returns {Promise<{ series: import('./series.mjs').Series[], committed: number, failed: Record<string, number>, seconds: number, perSecond: number,
 * topics: Record<string, Record<string, string>>, kafkaBytes: Record<string, number> }>}
 */
export async function runBounded({ seconds, rate, case: name, onSample = () => {} }) {
  const closing = new Closing();
  const stop = () => void closing.end().then(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
  process.env.RETENTION_MS = String(KEPT_MS);
  process.env.IDEMPOTENCY_KEY_MS = String(KEPT_MS);
  try {
    const surroundings = await openSurroundings({ closing, profile: undefined, quiet: false });
    const subject = await openCase(name, surroundings, CALLERS);
    const sampler = await Sampler.open(name, surroundings, subject);
    closing.add(() => sampler.close());
    const load = new Load(`${subject.url}/v1/transactions`, name, rate);
    const started = performance.now();
    const loading = load.run(seconds * 1000);
    const series = await sampler.run(seconds * 1000, (text) => onSample(`${text}, ${load.committed} committed`));
    await loading;
    const tookMs = performance.now() - started;
    const directory = surroundings.kafka.pid ? join(surroundings.directory, 'kafka') : undefined;
    const kafkaBytes = directory ? await kafkaBytesPerTransaction(directory, load.committed) : {};
    return {
      series,
      committed: load.committed,
      failed: load.failed,
      seconds: tookMs / 1000,
      perSecond: load.committed / (tookMs / 1000),
      topics: await topicSettings(surroundings.kafka.brokers),
      kafkaBytes,
    };
  } finally {
    await closing.end();
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, stop);
  }
}

/** An open loop: so many one-shot transactions a second, each with an idempotency key, whatever the answers take. */
class Load {
  committed = 0;
  /** @type {Record<string, number>} by status */
  failed = {};
  #inFlight = 0;
  #sent = 0;

  constructor(url, name, rate) {
    const { origin, pathname } = new URL(url);
    this.pool = new Pool(origin, { connections: IN_FLIGHT_MAX, pipelining: 1 });
    Object.assign(this, { path: pathname, name, rate });
  }

  async run(durationMs) {
    const started = performance.now();
    for (let now = started; now < started + durationMs; now = performance.now()) {
      const due = Math.floor(((now - started) / 1000) * this.rate) - this.#sent;
      const room = IN_FLIGHT_MAX - this.#inFlight;
      if (due > room) this.#sent += due - room; // what the system cannot take now is not made up for later
      for (let count = Math.min(due, room); count > 0; count -= 1) void this.#one();
      await pause(PACE_MS);
    }
    while (this.#inFlight > 0) await pause(PACE_MS);
    await this.pool.close();
  }

  async #one() {
    this.#sent += 1;
    this.#inFlight += 1;
    try {
      const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
      const request = { path: this.path, method: 'POST', headers, body: this.#body() };
      const { statusCode, body } = await this.pool.request(request);
      await body.dump();
      if (statusCode === 200) this.committed += 1;
      else this.failed[statusCode] = (this.failed[statusCode] ?? 0) + 1;
    } catch (error) {
      this.failed[error.code ?? error.message] = (this.failed[error.code ?? error.message] ?? 0) + 1;
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** Rows are taken in turn, so that no two transactions in flight share one. */
  #body() {
    const input =
      this.name === 'empty' ? {} : { sku: `bench-${this.#sent % (CALLERS * SKUS_PER_CALLER)}`, quantity: 1 };
    const operation = this.name === 'empty' ? 'nothing' : 'reserve';
    const branches = ['a', 'b'].map((end) => ({ participant: `${this.name}-${end}`, operation, input }));
    return JSON.stringify({ commit: true, branches });
  }
}

const TABLES = ['transaction', 'idempotency_key', 'coordinator_state', 'participant', 'member', 'leased_snapshot'];

/** Reads everything that could grow. */
class Sampler {
  #series = new Map();
  #databases = [];
  #pids = {};
  #logDirectory = '';
  #closing = [];

  static async open(name, surroundings, subject) {
    const sampler = new Sampler();
    const { postgres, directory } = surroundings;
    const connect = async (database, title, tables) => {
      const client = new pg.Client({ connectionString: await postgres.createDatabase(database) });
      await client.connect();
      sampler.#closing.push(() => client.end());
      sampler.#databases.push({ client, title, tables });
    };
    await connect(`bench_coordinator_${name}_1`, '', TABLES);
    if (name === 'inventory') await connect('bench_inventory_a', 'inventory-a ', ['concordat_branch', 'stock']);
    sampler.#pids = subject.pids;
    sampler.#logDirectory = join(directory, `${name}-coordinator`);
    return sampler;
  }

  async run(durationMs, onSample) {
    const end = performance.now() + durationMs;
    while (performance.now() < end) {
      const due = performance.now() + SAMPLE_INTERVAL_MS;
      await this.#sample();
      onSample(`${Math.round((end - performance.now()) / 1000)} s to go`);
      await pause(Math.max(0, due - performance.now()));
    }
    return [...this.#series.values()];
  }

  async #sample() {
    for (const { client, title, tables } of this.#databases) {
      for (const table of tables) await this.#sampleTable(client, title, table);
    }
    const { rows } = await this.#databases[0].client.query('SELECT count(*)::int AS count FROM pg_prepared_xacts');
    this.#note('prepared transactions', 'rows', 256, rows[0].count);
    const logBytes = await bytesBelow(this.#logDirectory, /\.wal/);
    this.#note('write-ahead log', 'MiB', 2 * SEGMENT_MIB, logBytes / MiB);
    for (const [process, pid] of Object.entries(this.#pids)) {
      if (process !== 'client') this.#note(`memory of ${process}`, 'MiB', HEAP_SLACK_MIB, await residentMiB(pid));
    }
  }

  async #sampleTable(client, title, table) {
    const { rows } = await client.query(
      `SELECT (SELECT count(*) FROM ${table})::int AS count, pg_total_relation_size('${table}')::float8 AS bytes`,
    );
    this.#note(`${title}${table}, rows`, 'rows', 100, rows[0].count);
    this.#note(`${title}${table}, size`, 'MiB', 1, rows[0].bytes / MiB);
  }

  #note(name, unit, step, value) {
    const series = this.#series.get(name) ?? { name, unit, step, values: [] };
    series.values.push(value);
    this.#series.set(name, series);
  }

  async close() {
    for (const close of this.#closing.splice(0)) await close();
  }
}

async function residentMiB(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}

async function bytesBelow(directory, pattern) {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile() && pattern.test(join(entry.parentPath, entry.name)))
    // Sparse files, such as Kafka's indexes, count by what they occupy.
    .map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

/** How many bytes of each kind of topic a transaction is, before anything is dropped. */
async function kafkaBytesPerTransaction(directory, transactions) {
  const kinds = ['commands', 'replies', 'events'];
  const bytesOf = (kind) => bytesBelow(directory, new RegExp(`concordat\\.${kind}.*\\.log$`));
  return Object.fromEntries(
    await Promise.all(kinds.map(async (kind) => [kind, Math.round((await bytesOf(kind)) / transactions)])),
  );
}

const TOPIC_SETTINGS = ['retention.ms', 'retention.bytes', 'segment.ms', 'segment.bytes', 'cleanup.policy'];

/** What bounds each topic is a setting, which takes effect after longer than any run. */
async function topicSettings(brokers) {
  const admin = new Admin({ clientId: 'bounded', bootstrapBrokers: brokers.split(',') });
  try {
    const names = (await admin.listTopics()).filter((name) => name.startsWith('concordat.'));
    const resources = names.map((resourceName) => ({
      resourceType: ConfigResourceTypes.TOPIC,
      resourceName,
      configurationKeys: TOPIC_SETTINGS,
    }));
    const described = await admin.describeConfigs({ resources });
    return Object.fromEntries(
      described.map(({ resourceName, configs }) => [
        resourceName,
        Object.fromEntries(configs.map(({ name, value }) => [name, String(value)])),
      ]),
    );
  } finally {
    await admin.close();
  }
}
