// Coordinators that a test starts one by one, with an environment of its own choosing, and what they need around them.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../../scripts/build.mjs';
import { launchApp } from '../../scripts/lib/app.mjs';
import { startParticipant } from '../../scripts/lib/apps.mjs';
import { createHouse } from '../../scripts/lib/house.mjs';
import { freePort } from '../../scripts/lib/ports.mjs';
import { provideKafka, providePostgres } from '../../scripts/lib/services.mjs';
import { branch, call, oneShot } from './api.mjs';
import { eventually, isReady } from './product.mjs';

/**
 * Postgres and Kafka (those of `npm test` where it runs this), and as many places for replicas as are asked for, with
 * nothing in them.
 * @param {number} count
 */
export async function prepareReplicas(count) {
  await build();
  const directory = await mkdtemp(join(tmpdir(), 'concordat-replicas-'));
  const house = createHouse(directory);
  const quietly = { onProgress: () => {} };
  const { DATABASE_URL: databaseUrl, KAFKA_BROKERS: brokersGiven } = process.env;
  /** @type {Replica[]} */ const replicas = [];
  const stop = async () => {
    await Promise.all(replicas.map((replica) => replica.kill()));
    await house.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const [databases, brokers] = await Promise.all([
      providePostgres(house, { databaseUrl, ...quietly }),
      provideKafka(house, { brokers: brokersGiven, ...quietly }),
    ]);
    // Names of this test alone: what others have left in Postgres and Kafka does not concern it.
    const name = `t${randomUUID().slice(0, 8)}`;
    for (let id = 1; id <= count; id += 1) {
      const database = await databases.create(`${name}_${id}`);
      replicas.push(new Replica(id, directory, await freePort(), await freePort(), database, brokers));
    }
    const bankName = `bank-${name}`;
    /** @param {NodeJS.ProcessEnv} [env] beyond what every participant needs */
    const startBank = async (env = {}) => {
      const port = await freePort();
      const bank = {
        name: bankName,
        app: 'accounts',
        database: `${name}_bank`,
        port,
        url: `http://127.0.0.1:${port}`,
      };
      const coordinatorUrls = replicas.map(({ url }) => url);
      const environment = { ...process.env, ...env };
      await startParticipant(house, bank, { brokers, databases, coordinatorUrls, environment });
      return bank.name;
    };
    const createDatabase = (suffix) => databases.create(`${name}_${suffix}`);
    return { directory, brokers, replicas, bankName, createDatabase, startBank, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @param {Replica[]} replicas @returns {string} as PEERS wants it */
export const peersOf = (replicas) => replicas.map(({ id, address }) => `${id}=${address}`).join(',');

/** One place for a coordinator: its ports, its volume, its database. */
export class Replica {
  /** @type {Awaited<ReturnType<typeof launchApp>> | undefined} */ #running;

  constructor(id, directory, port, raftPort, databaseUrl, brokers) {
    this.id = id;
    this.directory = directory;
    this.url = `http://127.0.0.1:${port}`;
    this.address = `127.0.0.1:${raftPort}`;
    this.log = join(directory, `coordinator-${id}.log`);
    this.env = {
      PATH: process.env.PATH,
      PORT: String(port),
      NODE_ID: String(id),
      DATA_DIR: join(directory, `coordinator-${id}`),
      DATABASE_URL: databaseUrl,
      KAFKA_BROKERS: brokers,
    };
  }

  /** @param {NodeJS.ProcessEnv} [env] beyond what belongs to the place */
  async start(env = {}) {
    this.#running = await launchApp({
      app: 'coordinator',
      env: { ...this.env, ...env },
      log: this.log,
      dataDirectory: this.directory,
    });
  }

  /** As Kubernetes does: SIGTERM, and SIGKILL when it takes too long. */
  async stop() {
    await this.#running?.stop();
    this.#running = undefined;
  }

  async kill() {
    this.#running?.kill();
    await this.#running?.exited;
    this.#running = undefined;
  }

  ready() {
    return eventually(() => isReady(this.url), `replica ${this.id} to be ready`);
  }

  /** @param {string} path @param {Parameters<typeof call>[1]} [options] */
  call(path, options) {
    return call(this.url + path, options);
  }

  /** Opens an account at the bank: one transaction, through this replica. Repeated under one key until it is decided. */
  open(bank) {
    const reference = randomUUID();
    const branches = [branch(bank, 'open', { account: reference, balance: 1 })];
    return eventually(async () => {
      const { status, body } = await oneShot(this.url, branches, {}, { 'idempotency-key': reference }, 10_000);
      return status === 200 && body;
    }, `a commit through replica ${this.id}`);
  }
}
