// What is to run, and with which settings: pure, from the environment and the arguments.
import { join, resolve } from 'node:path';

export const PARTICIPANTS = [
  { name: 'accounts-east', app: 'accounts', database: 'accounts_east', portOffset: 11 },
  { name: 'accounts-west', app: 'accounts', database: 'accounts_west', portOffset: 12 },
  { name: 'inventory', app: 'inventory', database: 'inventory', portOffset: 13 },
];

const PORT_OFFSET_MAX = 13;

/** One sentence for the person who typed it. */
export class UsageError extends Error {
  name = 'UsageError';
}

/**
 * @typedef {object} Settings
 * @property {number} port 0 takes free ports for all
 * @property {number} replicas
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
  const replicas = Number(options.replicas ?? 1);
  if (!Number.isInteger(replicas) || replicas < 1) {
    throw new UsageError(`--replicas ${options.replicas} is no number of replicas; try --replicas 1.`);
  }
  if (replicas > 1) {
    throw new UsageError(
      `This version runs a single coordinator; --replicas ${replicas} waits for the replicated log.`,
    );
  }
  return {
    port,
    replicas,
    demo: !options['no-demo'],
    dataDirectory: resolve(env.DATA_DIR || '.data'),
    databaseUrl: env.DATABASE_URL || undefined,
    brokers: env.KAFKA_BROKERS || undefined,
  };
}

/**
 * @param {Settings} settings
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
export function coordinatorEnvironment(env, { id, port, databaseUrl, brokers, dataDirectory }) {
  return { ...common(env, { port, databaseUrl, brokers }), NODE_ID: String(id), DATA_DIR: dataDirectory };
}

/** @param {NodeJS.ProcessEnv} env */
export function participantEnvironment(env, { name, port, databaseUrl, brokers, coordinatorUrl }) {
  const { DATA_DIR, ...rest } = common(env, { port, databaseUrl, brokers });
  return { ...rest, PARTICIPANT_NAME: name, COORDINATOR_URL: coordinatorUrl };
}
