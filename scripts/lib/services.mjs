// Postgres and Kafka for one run: our own, kept running, or those that the environment names.
import { connect } from 'node:net';
import { join } from 'node:path';
import { startKafka } from './kafka.mjs';
import { createDatabase, startPostgres } from './postgres.mjs';
import { UsageError } from './topology.mjs';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * @typedef {object} Databases
 * @property {string} url of the server
 * @property {(name: string) => Promise<string>} create unless it exists; answers its URL
 */

/**
 * @param {ReturnType<import('./house.mjs').createHouse>} house
 * @param {{ databaseUrl?: string, onProgress: (detail: string) => void }} options
 * @returns {Promise<Databases>}
 */
export async function providePostgres(house, { databaseUrl, onProgress }) {
  if (databaseUrl) {
    checkUrl(databaseUrl);
    house.describe('postgres', { url: databaseUrl });
    return { url: databaseUrl, create: (name) => createDatabase(databaseUrl, name) };
  }
  /** @type {import('./postgres.mjs').PostgresServer | undefined} */
  let server;
  const supervised = await house.keep('postgres', 'postgres', async () => {
    if (server) await server.start();
    else {
      const directory = join(house.dataDirectory, 'postgres');
      server = await startPostgres({ directory, logFile: house.logOf('postgres'), onProgress });
    }
    const running = server;
    return {
      pid: /** @type {number} */ (running.pid),
      exited: new Promise((resolve) => running.onExit(() => resolve('the server stopped'))),
      stop: () => running.stop(),
      kill: () => running.pid && process.kill(running.pid, 'SIGQUIT'), // SIGKILL would leave its workers behind
    };
  });
  const { url, createDatabase: create } = /** @type {import('./postgres.mjs').PostgresServer} */ (
    /** @type {unknown} */ (server)
  );
  house.describe('postgres', { url, supervised });
  return { url, create };
}

function checkUrl(databaseUrl) {
  if (/^postgres(ql)?:\/\//.test(databaseUrl) && URL.canParse(databaseUrl)) return;
  throw new UsageError('DATABASE_URL is to look like postgres://user:password@host:5432/database.');
}

/**
 * @param {ReturnType<import('./house.mjs').createHouse>} house
 * @param {{ brokers?: string, onProgress: (detail: string) => void }} options
 * @returns {Promise<string>} the brokers
 */
export async function provideKafka(house, { brokers, onProgress }) {
  if (brokers) {
    await checkBrokers(brokers);
    house.describe('kafka', { brokers });
    return brokers;
  }
  let port = 0; // the first start chooses, later ones keep it
  let address = '';
  const supervised = await house.keep('kafka', 'kafka', async () => {
    const kafka = await startKafka({ directory: join(house.dataDirectory, 'kafka'), port, onProgress });
    address = kafka.brokers;
    port = Number(address.split(':').at(-1));
    return {
      pid: kafka.pid,
      exited: kafka.exited.then((code) => (code === null ? 'killed' : `exit code ${code}`)),
      stop: kafka.stop,
      kill: () => process.kill(kafka.pid, 'SIGKILL'),
    };
  });
  house.describe('kafka', { brokers: address, supervised });
  return address;
}

/** One broker that answers is enough; whether it is a Kafka the apps will find out. */
async function checkBrokers(brokers) {
  const reachable = await Promise.all(brokers.split(',').map((broker) => accepts(broker.trim())));
  if (reachable.some(Boolean)) return;
  throw new UsageError(
    `No Kafka answers at KAFKA_BROKERS=${brokers}; start it, or unset KAFKA_BROKERS to use a local one.`,
  );
}

function accepts(broker) {
  const separator = broker.lastIndexOf(':');
  const port = Number(broker.slice(separator + 1));
  if (separator < 1 || !(port > 0 && port < 65_536)) return false;
  return new Promise((resolve) => {
    const socket = connect({ host: broker.slice(0, separator), port, timeout: CONNECT_TIMEOUT_MS });
    const answer = (reachable) => {
      socket.destroy();
      resolve(reachable);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.once('timeout', () => answer(false));
  });
}
