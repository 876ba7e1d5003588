// What the system has used up so far: CPU time by process, fsyncs, messages in Kafka. Two readings make a difference.
import { availableParallelism } from 'node:os';
import pg from 'pg';
import { cpuOfFamily, cpuOfMachine, cpuOfProcess } from './cpu.mjs';
import { TopicEnds } from './topic-ends.mjs';

/**
 * @typedef {object} Reading
 * @property {Record<string, number | null>} cpuMs by process
 * @property {number} atMs
 * @property {number | null} machineCpuMs of everything that runs here
 * @property {number | null} fsyncs of Postgres and of the coordinators' logs
 * @property {number | null} messages in all topics of the prefix
 */

/** Reads the meters of one case. */
export class Meters {
  #processes;
  #metricsUrls;
  #database;
  #topicEnds;

  /**
   * @param {import('./surroundings.mjs').Surroundings} surroundings
   * @param {object} what
   * @param {Record<string, number>} what.pids processes by name, besides Kafka and Postgres
   * @param {boolean} what.postgres whether Postgres takes part
   * @param {string} [what.topicPrefix] where Kafka takes part
   * @param {string[]} [what.metricsUrls] of coordinators
   */
  static async open({ kafka, postgres }, what) {
    const meters = new Meters();
    meters.#processes = Object.entries(what.pids).map(([name, pid]) => [name, () => cpuOfProcess(pid)]);
    meters.#metricsUrls = what.metricsUrls ?? [];
    if (what.topicPrefix !== undefined) {
      if (kafka.pid) meters.#processes.push(['kafka', () => cpuOfProcess(kafka.pid)]);
      meters.#topicEnds = await TopicEnds.open(kafka.brokers, what.topicPrefix);
    }
    if (what.postgres) {
      if (postgres.pid) meters.#processes.push(['postgres', () => cpuOfFamily(postgres.pid)]);
      meters.#database = new pg.Client({ connectionString: postgres.url });
      await meters.#database.connect();
    }
    return meters;
  }

  /** @returns {Promise<Reading>} */
  async read() {
    const atMs = performance.now();
    const [machineCpuMs, cpu, fsyncs, messages] = await Promise.all([
      cpuOfMachine(),
      Promise.all(this.#processes.map(async ([name, read]) => [name, await read()])),
      this.#fsyncs(),
      this.#topicEnds?.messages() ?? 0,
    ]);
    return { atMs, machineCpuMs, cpuMs: Object.fromEntries(cpu), fsyncs, messages };
  }

  async close() {
    await Promise.all([this.#topicEnds?.close(), this.#database?.end()]);
  }

  async #fsyncs() {
    const counts = await Promise.all([this.#postgresFsyncs(), ...this.#metricsUrls.map(logFsyncs)]);
    return counts.includes(null) ? null : counts.reduce((sum, count) => sum + count, 0);
  }

  /** Of the write-ahead log and of data files alike. Backends report with up to a second's delay. */
  async #postgresFsyncs() {
    if (!this.#database) return 0;
    const { rows } = await this.#database.query('SELECT COALESCE(sum(fsyncs), 0) AS count FROM pg_stat_io');
    return Number(rows[0].count);
  }
}

/** @returns {Promise<number | null>} null where the coordinator does not tell */
async function logFsyncs(url) {
  const answer = await fetch(url);
  const found = /^concordat_log_fsyncs_total(?:\{[^}]*\})? (\S+)$/m.exec(await answer.text());
  return found ? Number(found[1]) : null;
}

/**
 * What one call used up on average.
 * @param {Reading} before
 * @param {Reading} after
 * @param {number} count of calls
 * @param {readonly string[]} counted processes whose CPU time makes up the sum
 */
export function perCall(before, after, count, counted) {
  const each = (from, to) => (from === null || to === null || count === 0 ? null : (to - from) / count);
  const cpu = Object.fromEntries(
    Object.keys(after.cpuMs).map((name) => [name, each(before.cpuMs[name], after.cpuMs[name])]),
  );
  const known = counted.map((name) => cpu[name]).filter((value) => value !== undefined && value !== null);
  return {
    cpuMsPerTransaction: known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0),
    fsyncsPerTransaction: each(before.fsyncs, after.fsyncs),
    kafkaMessagesPerTransaction: each(before.messages, after.messages),
    cpu,
  };
}

/**
 * How much of the machine somebody else used meanwhile: what this tells should be near 0 for figures to mean much.
 * @param {Reading} before
 * @param {Reading} after
 * @returns {number | null} from 0 to 1
 */
export function shareElsewhere(before, after) {
  if (before.machineCpuMs === null || after.machineCpuMs === null) return null;
  const sum = ({ cpuMs }) => Object.values(cpuMs).reduce((total, ms) => total + (ms ?? 0), 0);
  const elsewhere = after.machineCpuMs - before.machineCpuMs - (sum(after) - sum(before));
  return Math.min(1, Math.max(0, elsewhere / (after.atMs - before.atMs) / availableParallelism()));
}
