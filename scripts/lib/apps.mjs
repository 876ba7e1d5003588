// The coordinators and the participants of one run.
import { launchApp, untilReady } from './app.mjs';
import { freePort, isPortFree } from './ports.mjs';
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
 * @property {{ name: string, id: number, database: string, dataDirectory: string, port: number, url: string }[]} coordinators
 * @property {{ name: string, app: string, database: string, port: number, url: string }[]} participants
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
  return {
    coordinators: await Promise.all(coordinatorsOf(settings).map(withAddress)),
    participants: await Promise.all((settings.demo ? PARTICIPANTS : []).map(withAddress)),
  };
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
  const { name, id, port, url, dataDirectory } = coordinator;
  const databaseUrl = await databases.create(coordinator.database);
  const env = coordinatorEnvironment(process.env, { id, port, databaseUrl, brokers, dataDirectory });
  const supervised = await keepApp(house, name, 'coordinator', env);
  house.describe('coordinators', { id, url, supervised });
  await untilReady({ supervised, url, log: house.logOf(name), givenUp: () => house.stopping });
}

/**
 * @param {House} house
 * @param {Plan['participants'][number]} participant
 * @param {{ brokers: string, databases: import('./services.mjs').Databases, coordinatorUrl: string }} services
 */
export async function startParticipant(house, participant, { brokers, databases, coordinatorUrl }) {
  const { name, app, port, url } = participant;
  const databaseUrl = await databases.create(participant.database);
  const env = participantEnvironment(process.env, { name, port, databaseUrl, brokers, coordinatorUrl });
  const supervised = await keepApp(house, name, app, env);
  house.describe('participants', { name, url, databaseUrl, supervised });
  await untilReady({ supervised, url, log: house.logOf(name), givenUp: () => house.stopping });
}

const keepApp = (house, name, app, env) =>
  house.keep('app', name, () => launchApp({ app, env, log: house.logOf(name), dataDirectory: house.dataDirectory }));
