// What every measurement stands on: Postgres, Kafka, and a directory that is gone afterwards.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka } from '../scripts/lib/kafka.mjs';
import { createDatabase, startPostgres } from '../scripts/lib/postgres.mjs';
import { runSteps } from '../scripts/lib/progress.mjs';

/** A branch holds one prepared transaction; every caller in flight may have one at each of two participants. */
const PREPARED_TRANSACTIONS_MAX = 2_000;

/** Closes what was opened, the last first, each thing once. */
export class Closing {
  #steps = [];
  #ended;

  /** @param {() => unknown} close */
  add(close) {
    if (this.#ended) void close();
    else this.#steps.push(close);
  }

  end() {
    this.#ended ??= this.#run();
    return this.#ended;
  }

  async #run() {
    for (const close of this.#steps.reverse()) {
      try {
        await close();
      } catch (error) {
        console.error(`while stopping: ${error.message}`);
      }
    }
  }
}

/**
 * @typedef {object} Surroundings
 * @property {string} directory
 * @property {Closing} closing
 * @property {{ brokers: string, pid: number | null }} kafka pid is null for one that is not ours
 * @property {{ url: string, pid: number | null, createDatabase: (name: string) => Promise<string> }} postgres
 * @property {string | undefined} profile directory for CPU profiles
 */

/**
 * Starts Postgres and Kafka, or uses those that the environment names.
 * @param {{ closing: Closing, profile: string | undefined, quiet: boolean }} options
 * @returns {Promise<Surroundings>}
 */
export async function openSurroundings({ closing, profile, quiet }) {
  const directory = await mkdtemp(join(process.env.DATA_DIR || tmpdir(), 'concordat-bench-'));
  closing.add(() => rm(directory, { recursive: true, force: true }));
  const surroundings = { directory, closing, profile, kafka: undefined, postgres: undefined };
  const postgres = async (onProgress) => {
    surroundings.postgres = await openPostgres(directory, closing, onProgress);
  };
  const kafka = async (onProgress) => {
    surroundings.kafka = await openKafka(directory, closing, onProgress);
  };
  if (quiet) await Promise.all([postgres(() => {}), kafka(() => {})]);
  else
    await runSteps([
      [
        { title: 'Postgres', run: postgres },
        { title: 'Kafka', run: kafka },
      ],
    ]);
  return surroundings;
}

async function openPostgres(directory, closing, onProgress) {
  const { DATABASE_URL: url } = process.env;
  if (url) return { url, pid: null, createDatabase: (name) => createDatabase(url, name) };
  const server = await startPostgres({
    directory: join(directory, 'postgres'),
    maxPreparedTransactions: PREPARED_TRANSACTIONS_MAX,
    onProgress,
  });
  closing.add(() => server.stop());
  return server;
}

async function openKafka(directory, closing, onProgress) {
  const { KAFKA_BROKERS: brokers } = process.env;
  if (brokers) return { brokers, pid: null };
  const kafka = await startKafka({ directory: join(directory, 'kafka'), onProgress });
  closing.add(() => kafka.stop());
  return kafka;
}
