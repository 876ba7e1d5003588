// The coordinators and the participants of one run.
import { launchApp, untilReady } from './app.mjs';
import { freePort, isPortFree } from './ports.mjs';
import { keepReplicas, peersOf, readReplicas } from './replica-addresses.mjs';
import {
  coordinatorEnvironment,
  coordinatorsOf,
  PARTICIPANTS,
  participantEnvironment,
  UsageError,
} from './topology.mjs';

/** @typedef {import('./topology.mjs').Settings} Settings */
/** @typedef {ReturnType<import('./house.mjs').createHouse>} House */

/**
 * @typedef {object} Plan every app with its address
 * @property {(AppPlan & { id: number, dataDirectory: string, raftPort: number, peers: string, advertisedUrl: string })[]} coordinators
 * @property {(AppPlan & { app: string })[]} participants
 *
 * @typedef {{ name: string, database: string, port: number, url: string }} AppPlan
 */

/**
 * Gives every app its port, and refuses ports that are taken.
 * @param {Settings} settings
 * @returns {Promise<Plan>}
 */
export async function planApps(settings) {
  const withAddress = async (app) => {
    const port = settings.port === 0 ? await freePort() : settings.port + app.portOffset;
    if (!(await isPortFree(port))) throw portTaken(settings.port, port, app);
    return { ...app, port, url: `http://127.0.0.1:${port}` };
  };
  const replicas = await replicasOf(settings);
  const coordinators = coordinatorsOf({ ...settings, replicas: replicas.length });
  return {
    coordinators: await Promise.all(coordinators.map(withAddress).map(async (app) => among(replicas, await app))),
    participants: await Promise.all((settings.demo ? PARTICIPANTS : []).map(withAddress)),
  };
}

/** A data directory that holds a cluster starts as that cluster, or a larger one: fewer would be no majority. */
async function replicasOf({ replicas, dataDirectory }) {
  const { length: present } = await readReplicas(dataDirectory);
  if (replicas !== undefined && replicas < present) {
    throw new UsageError(
      `${dataDirectory} holds a cluster of ${present}; start it with --replicas ${present}, or choose another place with DATA_DIR.`,
    );
  }
  return keepReplicas(dataDirectory, replicas ?? Math.max(1, present));
}

function among(replicas, coordinator) {
  const { raftPort, url } = replicas.find(({ id }) => id === coordinator.id);
  return { ...coordinator, raftPort, peers: peersOf(replicas), advertisedUrl: url ?? coordinator.url };
}

function portTaken(base, port, { name, portOffset }) {
  const which = portOffset === 0 ? `Port ${port}` : `Port ${port} (PORT+${portOffset}, for ${name})`;
  const other = base < 50_000 ? base - (base % 1_000) + 1_000 : 9_000;
  return new UsageError(`${which} is in use; choose another with PORT=${other} npm start`);
}

/**
 * @param {House} house
 * @param {Plan['coordinators'][number]} coordinator
 * @param {{ brokers: string, databases: import('./services.mjs').Databases }} services
 */
export async function startCoordinator(house, coordinator, { brokers, databases }) {
  const { name, id, url, advertisedUrl } = coordinator;
  const databaseUrl = await databases.create(coordinator.database);
  const env = coordinatorEnvironment(process.env, { ...coordinator, url: advertisedUrl, databaseUrl, brokers });
  const supervised = await keepApp(house, name, 'coordinator', env);
  house.describe('coordinators', { id, url, databaseUrl, supervised });
  await untilReady({ supervised, url, log: house.logOf(name), givenUp: () => house.stopping });
}

/**
 * @param {House} house
 * @param {Plan['participants'][number]} participant
 * @param {{ brokers: string, databases: import('./services.mjs').Databases, coordinatorUrls: string[], environment?: NodeJS.ProcessEnv }} services
 */
export async function startParticipant(house, participant, services) {
  const { brokers, databases, coordinatorUrls, environment = process.env } = services;
  const { name, app, port, url } = participant;
  const databaseUrl = await databases.create(participant.database);
  const env = participantEnvironment(environment, { name, port, databaseUrl, brokers, coordinatorUrls });
  const supervised = await keepApp(house, name, app, env);
  house.describe('participants', { name, url, databaseUrl, supervised });
  await untilReady({ supervised, url, log: house.logOf(name), givenUp: () => house.stopping });
}

const keepApp = (house, name, app, env) =>
  house.keep('app', name, () => launchApp({ app, env, log: house.logOf(name), dataDirectory: house.dataDirectory }));
