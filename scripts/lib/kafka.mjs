// Starts Apache Kafka 4 on this machine: one node in KRaft mode, on 127.0.0.1 only, small and quick to start.
// As a command: node scripts/lib/kafka.mjs --directory X [--port N] runs it until Ctrl-C.
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { access, mkdir, readdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join, resolve as resolvePath } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { findJava, isAlive, resolveKafkaJars } from './kafka-jars.mjs';

const run = promisify(execFile);
const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;
const freeBytesMin = 300 * 1024 * 1024;

/**
 * Starts Apache Kafka in KRaft mode on one node. A directory that was used before keeps its topics and messages.
 * @param {object} options
 * @param {string} options.directory holds data, configuration, log (`kafka.log`) and pid file of this broker
 * @param {number} [options.port] 0 chooses a free one
 * @param {(text: string) => void} [options.onProgress]
 * @param {number} [options.heapMb]
 * @param {string} [options.jarsDirectory] where Kafka's jars are kept between runs
 * @param {Record<string, string>} [options.properties] further broker settings
 * @param {{protocol: string, properties: Record<string, string>, users?: string[]}} [options.secureListener] a second
 *   listener, named SECURE, with its protocol (such as `SASL_SSL`) and settings; users as `kafka.tools.StorageTool`
 *   takes them with `--add-scram`
 * @returns {Promise<{brokers: string, secureBrokers?: string, pid: number, stop(): Promise<void>, exited: Promise<number | null>}>}
 */
export async function startKafka({
  directory,
  port = 0,
  onProgress = () => {},
  heapMb = 512,
  jarsDirectory,
  properties = {},
  secureListener,
}) {
  const home = resolvePath(directory);
  const java = await findJava();
  const jars = await resolveKafkaJars(jarsDirectory, onProgress);
  await mkdir(home, { recursive: true });
  await assertDiskSpace(home);
  await endStaleBroker(home, onProgress);
  const [brokerPort, controllerPort, securePort] = await choosePorts(port);
  const secured = secureListener ? withSecureListener(brokerPort, controllerPort, securePort, secureListener) : {};
  await writeConfiguration(home, brokerPort, controllerPort, { ...secured, ...properties });

  const classPath = (await readdir(jars)).filter((name) => name.endsWith('.jar')).sort();
  const jvm = { java, classPath: classPath.map((name) => join(jars, name)).join(':'), jars, home, heapMb };
  await formatStorage(jvm, onProgress, secureListener?.users);
  onProgress('starting Kafka');
  const child = await launch(jvm);
  const exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  const stop = () => endProcess(child.pid, exited);
  // The broker is in a process group of its own, so that Ctrl-C lets the others finish first; hence this.
  const endWithParent = () => child.kill('SIGTERM');
  process.once('exit', endWithParent);
  void exited.then(() => process.off('exit', endWithParent));

  try {
    await untilReady(brokerPort, exited, home);
  } catch (error) {
    await stop();
    throw error;
  }
  const secureBrokers = secureListener && { secureBrokers: `127.0.0.1:${securePort}` };
  return { brokers: `127.0.0.1:${brokerPort}`, ...secureBrokers, pid: child.pid, stop, exited };
}

function withSecureListener(brokerPort, controllerPort, securePort, { protocol, properties }) {
  const reachable = `BROKER://127.0.0.1:${brokerPort},SECURE://127.0.0.1:${securePort}`;
  const own = Object.entries(properties).map(([name, value]) => [`listener.name.secure.${name}`, value]);
  return {
    listeners: `${reachable},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': reachable,
    'listener.security.protocol.map': `BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:${protocol}`,
    ...Object.fromEntries(own),
  };
}

async function assertDiskSpace(home) {
  const { bavail, bsize } = await statfs(home);
  if (bavail * bsize >= freeBytesMin) return;
  const freeMb = Math.floor((bavail * bsize) / 1024 / 1024);
  throw new Error(
    `Only ${freeMb} MB are free where Kafka keeps its data (${home}): free at least 300 MB, or set DATA_DIR to another disk.`,
  );
}

/** Ends a broker that a killed starter left behind in this directory; refuses one whose starter still lives. */
async function endStaleBroker(home, onProgress) {
  const recorded = await readFile(pidFile(home), 'utf8').catch(() => '');
  const [pid, starter] = recorded.split(' ').map(Number);
  if (!pid || !isAlive(pid)) return;
  const { parent, command } = await describeProcess(pid);
  if (!command.includes(join(home, 'server.properties'))) return;
  if (parent === starter && isAlive(starter)) {
    throw new Error(`Kafka already runs in ${home} (process ${pid}, started by ${starter}): stop that one first.`);
  }
  onProgress(`ending a Kafka that was left behind (process ${pid})`);
  await endProcess(pid, untilGone(pid));
}

const pidFile = (home) => join(home, 'kafka.pid');

async function describeProcess(pid) {
  const { stdout } = await run('ps', ['-ww', '-o', 'ppid=,args=', '-p', String(pid)]).catch(() => describeByProc(pid));
  const match = /^\s*(\d+)\s+(.*)$/s.exec(stdout);
  return { parent: Number(match?.[1] ?? 0), command: match?.[2] ?? '' };
}

/** Small Linux images have no ps. */
async function describeByProc(pid) {
  const read = (name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  const [status, args] = await Promise.all([read('status'), read('cmdline')]);
  return { stdout: `${/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0} ${args.replaceAll('\0', ' ')}` };
}

async function untilGone(pid) {
  while (isAlive(pid)) await delay(50);
}

/** Asks a process to end, and after a while makes it. */
async function endProcess(pid, gone) {
  signal(pid, 'SIGTERM');
  const timeout = new AbortController();
  const ended = await Promise.race([
    gone.then(() => true),
    delay(stopTimeoutMs, false, { signal: timeout.signal }).catch(() => true),
  ]);
  timeout.abort();
  if (ended) return;
  signal(pid, 'SIGKILL');
  await gone;
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Holds the ports at once while choosing, so that they differ. */
async function choosePorts(port) {
  const broker = await listen(port);
  const others = [await listen(0), await listen(0)];
  const servers = [broker, ...others];
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listen(port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (cause) =>
      reject(
        new Error(
          `Port ${port} for Kafka cannot be used (${cause.code}): stop what uses it, choose another, or set KAFKA_BROKERS to a Kafka that already runs.`,
          { cause },
        ),
      ),
    );
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

async function writeConfiguration(home, brokerPort, controllerPort, overrides) {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `BROKER://127.0.0.1:${brokerPort},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `BROKER://127.0.0.1:${brokerPort}`,
    'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(home, 'data'),
    'auto.create.topics.enable': 'false',
    // One node: every internal topic has one copy, and few partitions so that they are made quickly.
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    // Members come and go at once.
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    'group.consumer.min.session.timeout.ms': '1000',
    'group.consumer.min.heartbeat.interval.ms': '300',
    // A broker that was killed may register again only when its last session has ended (9 s unless told otherwise).
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    // Small: two cores, and the cleaner's buffer would take 128 MB of heap.
    'num.network.threads': '2',
    'num.io.threads': '4',
    'log.cleaner.dedupe.buffer.size': String(8 * 1024 * 1024),
    'log.segment.bytes': String(256 * 1024 * 1024),
    ...overrides,
  };
  const logging = [
    'rootLogger.level=WARN',
    'rootLogger.appenderRef.file.ref=file',
    'appender.file.type=RollingFile',
    'appender.file.name=file',
    `appender.file.fileName=${join(home, 'kafka.log')}`,
    `appender.file.filePattern=${join(home, 'kafka.%i.log')}`,
    'appender.file.layout.type=PatternLayout',
    'appender.file.layout.pattern=%d %p %m (%c)%n%throwable',
    'appender.file.policies.type=SizeBasedTriggeringPolicy',
    'appender.file.policies.size=10MB',
    'appender.file.strategy.type=DefaultRolloverStrategy',
    'appender.file.strategy.max=2',
  ];
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
  await writeFile(join(home, 'server.properties'), `${lines.join('\n')}\n`);
  await writeFile(join(home, 'log4j2.properties'), `${logging.join('\n')}\n`);
}

async function formatStorage(jvm, onProgress, users = []) {
  if (
    await access(join(jvm.home, 'data', 'meta.properties')).then(
      () => true,
      () => false,
    )
  )
    return;
  onProgress("preparing Kafka's storage");
  const clusterId = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
  const options = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', ...loggingOption(jvm), '-cp', jvm.classPath];
  const format = ['format', `--cluster-id=${clusterId}`, '-c', join(jvm.home, 'server.properties')];
  for (const user of users) format.push('--add-scram', user);
  try {
    await run(jvm.java, [...options, 'kafka.tools.StorageTool', ...format]);
  } catch (cause) {
    throw startError(`${cause.stderr ?? ''}\n${cause.stdout ?? ''}\n${cause.message}`, jvm.home);
  }
}

const loggingOption = ({ home }) => [`-Dlog4j2.configurationFile=${join(home, 'log4j2.properties')}`];

async function launch(jvm) {
  const output = openSync(join(jvm.home, 'kafka.out'), 'w');
  await rm(join(jvm.home, 'kafka.log'), { force: true });
  // The second compiler would take more CPU from its neighbours than it gives back within the first minutes.
  const compiler = ['-XX:TieredStopAtLevel=1', '-XX:ReservedCodeCacheSize=64m'];
  const memory = [`-Xmx${jvm.heapMb}m`, '-Xms64m', '-XX:+UseSerialGC'];
  const archive = await classArchive(jvm);
  const child = spawn(
    jvm.java,
    [
      ...compiler,
      ...memory,
      ...archive.options,
      '-Djava.awt.headless=true',
      ...loggingOption(jvm),
      '-cp',
      jvm.classPath,
      'kafka.Kafka',
      join(jvm.home, 'server.properties'),
    ],
    { cwd: jvm.home, stdio: ['ignore', output, output], detached: true },
  );
  closeSync(output);
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  // A JVM that was killed may have left half an archive. One that cannot be kept is made again by the next broker.
  child.once('exit', (code) => code === 143 && void archive.keep().catch(() => undefined));
  await writeFile(pidFile(jvm.home), `${child.pid} ${process.pid}`);
  return child;
}

/**
 * The first broker leaves an archive of the classes it loaded when it stops; with it later ones start in 1.3 s
 * instead of 2. The JVM ignores an archive that does not fit.
 */
async function classArchive({ jars, home }) {
  const archive = join(jars, 'classes.jsa');
  if (
    await access(archive).then(
      () => true,
      () => false,
    )
  ) {
    return { options: [`-XX:SharedArchiveFile=${archive}`, '-Xshare:auto'], keep: async () => {} };
  }
  const made = join(home, 'classes.jsa');
  await rm(made, { force: true });
  return { options: [`-XX:ArchiveClassesAtExit=${made}`], keep: () => rename(made, archive) };
}

/** Waits until the broker lists itself as a member of the cluster. */
async function untilReady(port, exited, home) {
  let gone = false;
  void exited.then(() => {
    gone = true;
  });
  const deadline = Date.now() + startTimeoutMs;
  while (!(await answers(port))) {
    if (gone) throw startError(await readLogs(home), home);
    if (Date.now() > deadline) {
      throw new Error(`Kafka did not become ready within ${startTimeoutMs / 1000} s: see ${join(home, 'kafka.log')}.`);
    }
    await delay(40);
  }
}

/** Asks for metadata (version 1, no topics); the answer's second word counts the brokers. */
function answers(port) {
  const request = Buffer.from([0, 0, 0, 17, 0, 3, 0, 1, 0, 0, 0, 1, 0, 3, 0x63, 0x6f, 0x6e, 0, 0, 0, 0]);
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    let response = Buffer.alloc(0);
    socket.setTimeout(1000, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      response = Buffer.concat([response, chunk]);
      if (response.length >= 12) socket.destroy();
    });
    socket.on('close', () => resolve(response.length >= 12 && response.readInt32BE(8) > 0));
  });
}

async function readLogs(home) {
  const texts = await Promise.all(
    ['kafka.log', 'kafka.out'].map((name) => readFile(join(home, name), 'utf8').catch(() => '')),
  );
  return texts.join('\n');
}

function startError(report, home) {
  if (/No space left/.test(report)) {
    return new Error(
      `The disk is full where Kafka keeps its data (${home}): free some, or set DATA_DIR to another disk.`,
    );
  }
  if (/Address already in use|BindException/.test(report)) {
    return new Error('Another program took the port of Kafka while it started: start again, or choose another port.');
  }
  if (/insufficient memory|OutOfMemoryError|Could not reserve enough space/i.test(report)) {
    return new Error('There is not enough free memory for Kafka (about 400 MB): close something and start again.');
  }
  const reason = /^.*(?:ERROR|FATAL|Exception|Error:).*$/m.exec(report)?.[0]?.trim().slice(0, 300) ?? 'no reason given';
  return new Error(`Kafka did not start (${reason}): see ${join(home, 'kafka.log')} and kafka.out beside it.`);
}

async function runInForeground() {
  const { values } = parseArgs({
    options: {
      directory: { type: 'string' },
      port: { type: 'string', default: '0' },
      heap: { type: 'string', default: '512' },
    },
  });
  if (!values.directory)
    throw new Error('Usage: node scripts/lib/kafka.mjs --directory DIRECTORY [--port N] [--heap MB]');
  const kafka = await startKafka({
    directory: values.directory,
    port: Number(values.port),
    heapMb: Number(values.heap),
    onProgress: (text) => console.log(text),
  });
  console.log(`kafka ready ${kafka.brokers} (process ${kafka.pid})`);
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => void kafka.stop());
  process.exitCode = (await kafka.exited) === 143 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  runInForeground().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
