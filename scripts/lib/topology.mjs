// What is to run, and with which settings: pure, from the environment and the arguments.
import { join, resolve } from 'node:path';

export const PARTICIPANTS = [
  { name: 'accounts-east', app: 'accounts', database: 'accounts_east', portOffset: 11 },
  { name: 'accounts-west', app: 'accounts', database: 'accounts_west', portOffset: 12 },
  { name: 'inventory', app: 'inventory', database: 'inventory', portOffset: 13 },
];

const PORT_OFFSET_MAX = 13;
/** More would run into the participants' ports. */
const REPLICAS_MAX = 9;

/** One sentence for the person who typed it. */
export class UsageError extends Error {
  name = 'UsageError';
}

/**
 * @typedef {object} Settings
 * @property {number} port 0 takes free ports for all
 * @property {number | undefined} replicas undefined takes as many as the data directory has, one in a new one
 * @property {boolean} demo whether the participants start and a first transfer is made
 * @property {string} dataDirectory
 * @property {string | undefined} databaseUrl an existing server
 * @property {string | undefined} brokers an existing Kafka
 */

/** @param {NodeJS.ProcessEnv} env @param {{ replicas?: string, 'no-demo'?: boolean }} options @returns {Settings} */
export function readSettings(env, options) {
  const port = Number(env.PORT || 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535 - PORT_OFFSET_MAX) {
    throw new UsageError(`PORT is ${env.PORT}, which is no port: give a number up to ${65_535 - PORT_OFFSET_MAX}.`);
  }
  return {
    port,
    replicas: readReplicaCount(options.replicas),
    demo: !options['no-demo'],
    dataDirectory: resolve(env.DATA_DIR || '.data'),
    databaseUrl: env.DATABASE_URL || undefined,
    brokers: env.KAFKA_BROKERS || undefined,
  };
}

function readReplicaCount(text) {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > REPLICAS_MAX) {
    throw new UsageError(`--replicas ${text} is no number of replicas from 1 to ${REPLICAS_MAX}; try --replicas 3.`);
  }
  return count;
}

/**
 * @param {{ replicas: number, dataDirectory: string }} settings
 * @returns {{ name: string, id: number, database: string, portOffset: number, dataDirectory: string }[]}
 */
export function coordinatorsOf({ replicas, dataDirectory }) {
  return Array.from({ length: replicas }, (_, index) => ({
    name: `coordinator-${index + 1}`,
    id: index + 1,
    database: `concordat_${index + 1}`,
    portOffset: index,
    dataDirectory: join(dataDirectory, `coordinator-${index + 1}`),
  }));
}

/** What every app is told. */
const common = (env, { port, databaseUrl, brokers }) => ({
  ...env,
  PORT: String(port),
  DATABASE_URL: databaseUrl,
  KAFKA_BROKERS: brokers,
  LOG_LEVEL: env.LOG_LEVEL || 'info',
});

/** @param {NodeJS.ProcessEnv} env */
export function coordinatorEnvironment(env, { id, port, databaseUrl, brokers, dataDirectory, raftPort, peers, url }) {
  return {
    ...common(env, { port, databaseUrl, brokers }),
    NODE_ID: String(id),
    DATA_DIR: dataDirectory,
    RAFT_PORT: String(raftPort),
    PEERS: peers,
    ADVERTISED_URL: url,
  };
}

/** @param {NodeJS.ProcessEnv} env */
export function participantEnvironment(env, { name, port, databaseUrl, brokers, coordinatorUrls }) {
  const { DATA_DIR, ...rest } = common(env, { port, databaseUrl, brokers });
  return { ...rest, PARTICIPANT_NAME: name, COORDINATOR_URLS: coordinatorUrls.join(',') };
}
