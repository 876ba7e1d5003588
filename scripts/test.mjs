// npm test: all suites, against a Postgres and a Kafka of their own that are gone afterwards.
//
//   npm test                      everything; the suites that start the whole product come last, three at a time
//   npm test -- libs/transport    what Jest finds under that path; further arguments go to Jest as they are
//   DATABASE_URL, KAFKA_BROKERS   use what already runs (the database user must be a superuser)
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimDirectory } from './lib/data-directory.mjs';
import { createHouse, Stopping } from './lib/house.mjs';
import { endLeftovers } from './lib/leftovers.mjs';
import { tryLock } from './lib/lock.mjs';
import { runSteps } from './lib/progress.mjs';
import { sayError } from './lib/say-error.mjs';
import { provideKafka, providePostgres } from './lib/services.mjs';
import { ensureReady, root } from './lib/setup.mjs';
import { onStopSignals } from './lib/signals.mjs';
import { addCounts, closingLine, countsOf, NO_COUNTS } from './lib/test-counts.mjs';

const DIRECTORY_PREFIX = 'concordat-test-';
/** Suites with a script of their own (npm run test:release), so that the rest stays below a quarter of an hour. */
const ON_REQUEST = ['test/packages\\.test', 'test/cli\\.test'];
const WORKER_MEMORY_MAX = '1GB';

await main().catch((error) => {
  console.error(`\n${sayError(error)}`);
  process.exit(1);
});

async function main() {
  await ensureReady();
  await removeAbandoned();
  const directory = await mkdtemp(join(tmpdir(), DIRECTORY_PREFIX));
  const release = await claimDirectory(directory);
  const house = createHouse(directory);
  let jest;
  const stop = async (code) => {
    await house.stop();
    await release();
    await rm(directory, { recursive: true, force: true });
    process.exit(code);
  };
  onStopSignals({
    onStop: (signal) => {
      signalAll(jest, signal);
      void stop(130);
    },
    onKill: () => {
      signalAll(jest, 'SIGKILL');
      house.kill();
      process.exit(130);
    },
  });

  try {
    const services = await startServices(house);
    house.settle();
    let counts = NO_COUNTS;
    for (const words of plan(process.argv.slice(2))) {
      const onStart = (child) => {
        jest = child;
      };
      counts = addCounts(counts, await runJest(words, { services, directory, onStart }));
      if (house.stopping) return;
    }
    console.log(`\n${closingLine(counts)}`);
    await stop(counts.failed > 0 || counts.passed === 0 ? 1 : 0);
  } catch (error) {
    if (error instanceof Stopping || house.stopping) return; // the signal's stop is on its way
    console.error(`\n${sayError(error)}`);
    await stop(1);
  }
}

/** What a run that was killed left behind: its Postgres, its Kafka, its directory. */
async function removeAbandoned() {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(DIRECTORY_PREFIX)) continue;
    const directory = join(tmpdir(), name);
    const lock = await tryLock(join(directory, 'starter.lock')).catch(() => undefined); // somebody else's directory
    if (typeof lock !== 'function') continue;
    await endLeftovers(directory);
    await rm(directory, { recursive: true, force: true });
  }
}

async function startServices(house) {
  const services = { DATABASE_URL: '', KAFKA_BROKERS: '' };
  const { DATABASE_URL: databaseUrl, KAFKA_BROKERS: brokers } = process.env;
  const postgres = async (onProgress) => {
    services.DATABASE_URL = (await providePostgres(house, { databaseUrl, onProgress })).url;
  };
  const kafka = async (onProgress) => {
    services.KAFKA_BROKERS = await provideKafka(house, { brokers, onProgress });
  };
  await runSteps([
    [
      { title: databaseUrl ? 'Postgres (yours)' : 'Postgres for the tests', run: postgres },
      { title: brokers ? 'Kafka (yours)' : 'Kafka for the tests', run: kafka },
    ],
  ]);
  return services;
}

/** The arguments of each run of Jest. Suites that start the product wait more than they work, so three share it. */
function plan(words) {
  const workers = `--maxWorkers=${Math.max(2, Math.floor(availableParallelism() / 2))}`;
  if (words.length > 0) return [[workers, ...words]];
  return [
    [workers, '--roots', 'libs', 'apps', 'examples', 'scripts', 'bench'],
    ['--maxWorkers=3', '--roots', 'test', '--testPathIgnorePatterns', '/node_modules/', ...ON_REQUEST],
  ];
}

/** Jest alone would leave its workers behind, and the products that they have started. */
function signalAll(jest, signal) {
  if (jest && jest.exitCode === null && jest.signalCode === null) process.kill(-jest.pid, signal);
}

/** @returns {Promise<import('./lib/test-counts.mjs').Counts>} */
async function runJest(words, { services, directory, onStart }) {
  const resultFile = join(directory, 'result.json');
  await rm(resultFile, { force: true });
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const memory = `--workerIdleMemoryLimit=${WORKER_MEMORY_MAX}`;
  const child = spawn(process.execPath, [jest, '--json', `--outputFile=${resultFile}`, memory, ...words], {
    cwd: root,
    detached: true, // a group of its own, with its workers and what they start
    stdio: ['ignore', 'ignore', 'inherit'], // with --json Jest tells people on the error stream
    env: {
      ...process.env,
      ...services,
      NODE_OPTIONS:
        `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --no-warnings=ExperimentalWarning`.trim(),
    },
  });
  onStart(child);
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const text = await readFile(resultFile, 'utf8').catch(() => undefined);
  return countsOf(text === undefined ? undefined : JSON.parse(text));
}
