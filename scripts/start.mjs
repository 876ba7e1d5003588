// npm start: the whole of it on this machine from one command, and a first transfer. Ctrl-C stops all it started.
//
//   npm start                      Postgres, Kafka, the coordinator, three participants, one transfer
//   npm start -- --replicas 3      a cluster: three coordinators at PORT, PORT+1, PORT+2, each with its own database
//   npm start -- --no-demo         without participants and transfer
//   PORT=9000 DATA_DIR=/tmp/demo   elsewhere; DATABASE_URL and KAFKA_BROKERS use what already runs
import { parseArgs } from 'node:util';
import { planApps, startCoordinator, startParticipant } from './lib/apps.mjs';
import { claimDirectory } from './lib/data-directory.mjs';
import { awaitParticipants, makeFirstTransfer } from './lib/first-transfer.mjs';
import { createHouse, Stopping } from './lib/house.mjs';
import { runSteps } from './lib/progress.mjs';
import { sayError } from './lib/say-error.mjs';
import { provideKafka, providePostgres } from './lib/services.mjs';
import { ensureReady } from './lib/setup.mjs';
import { onStopSignals } from './lib/signals.mjs';
import { readSettings, UsageError } from './lib/topology.mjs';

await main().catch((error) => {
  console.error(`\n${sayError(error)}`);
  process.exit(1);
});

async function main() {
  const settings = readSettings(process.env, readArguments());
  await ensureReady();
  const release = await claimDirectory(settings.dataDirectory);
  const house = createHouse(settings.dataDirectory);
  const stop = async (code) => {
    await house.stop();
    await release();
    if (code === 0) console.log('stopped');
    process.exit(code);
  };
  onStopSignals({
    onStop: () => {
      console.log('\nstopping (once more to stop at once)');
      void stop(0);
    },
    onKill: () => {
      house.kill();
      process.exit(130);
    },
  });

  try {
    const plan = await planApps(settings);
    await startAll(house, settings, plan);
    if (settings.demo) await tellFirstTransfer(plan);
    house.settle();
    tellAddresses(house, plan);
    console.log(`concordat ready ${plan.coordinators[0].url}`);
  } catch (error) {
    if (error instanceof Stopping || house.stopping) return; // the signal's stop is on its way
    console.error(`\n${sayError(error)}`);
    await stop(1);
  }
}

function readArguments() {
  try {
    return parseArgs({ options: { replicas: { type: 'string' }, 'no-demo': { type: 'boolean' } } }).values;
  } catch (error) {
    throw new UsageError(`${error.message} (npm start knows --replicas N and --no-demo)`);
  }
}

/** Postgres and Kafka side by side, then the apps side by side. */
async function startAll(house, { databaseUrl, brokers }, { coordinators, participants }) {
  const services = { databases: undefined, brokers: '', coordinatorUrls: coordinators.map(({ url }) => url) };
  const postgres = async (onProgress) => {
    services.databases = await providePostgres(house, { databaseUrl, onProgress });
  };
  const kafka = async (onProgress) => {
    services.brokers = await provideKafka(house, { brokers, onProgress });
  };
  await runSteps([
    [
      { title: databaseUrl ? 'Postgres (yours)' : 'Postgres', run: postgres },
      { title: brokers ? 'Kafka (yours)' : 'Kafka', run: kafka },
    ],
    [
      ...coordinators.map((one) => ({ title: one.name, run: () => startCoordinator(house, one, services) })),
      ...participants.map((one) => ({ title: one.name, run: () => startParticipant(house, one, services) })),
    ],
  ]);
}

async function tellFirstTransfer({ coordinators, participants }) {
  await awaitParticipants(
    coordinators[0].url,
    participants.map(({ name }) => name),
  );
  const participantUrl = (name) => participants.find((one) => one.name === name).url;
  const lines = await makeFirstTransfer({ coordinatorUrl: coordinators[0].url, participantUrl });
  console.log(`\n${lines.join('\n')}`);
}

function tellAddresses(house, { coordinators, participants }) {
  const width = Math.max(...[...coordinators, ...participants].map(({ name }) => name.length));
  console.log('');
  for (const { name, url } of coordinators)
    console.log(`${name.padEnd(width)}  ${url}  (console at ${url}/console, API at ${url}/docs)`);
  for (const { name, url } of participants) console.log(`${name.padEnd(width)}  ${url}`);
  console.log(`logs and data  ${house.dataDirectory}\n`);
}
