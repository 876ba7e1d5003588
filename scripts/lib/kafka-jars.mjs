// Fetches the jars of Apache Kafka once, with Maven, into a folder that survives; and says what is missing if it cannot.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const pom = join(root, 'deploy', 'local', 'pom.xml');
const alternative = 'or set KAFKA_BROKERS to a Kafka that already runs';

/** How many jars the pom names, with all they need; for progress only. */
const jarsExpected = 47;

const exists = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** @returns {Promise<string>} the command that starts Java, which is version 17 or newer */
export async function findJava() {
  const command = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java';
  let output;
  try {
    output = (await run(command, ['-version'])).stderr;
  } catch (cause) {
    throw new Error(`Java was not found, and Kafka needs it: install Java 17 or newer, ${alternative}.`, { cause });
  }
  const major = Number(/version "(?:1\.)?(\d+)/.exec(output)?.[1] ?? 0);
  if (major >= 17) return command;
  throw new Error(`Java ${major} is too old for Kafka: install Java 17 or newer, ${alternative}.`);
}

/**
 * Resolves the jars unless an earlier run did. Concurrent starters wait for the one that fetches.
 * @param {string} [cacheDirectory] where the jars are kept between runs
 * @param {(text: string) => void} [onProgress]
 * @returns {Promise<string>} the directory that holds the jars
 */
export async function resolveKafkaJars(cacheDirectory = join(root, '.data', 'kafka-jars'), onProgress = () => {}) {
  const version = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12);
  const target = join(cacheDirectory, version);
  await mkdir(cacheDirectory, { recursive: true });
  while (!(await exists(target))) {
    const release = await takeLock(`${target}.lock`);
    if (!release) {
      onProgress('waiting for another process to fetch Apache Kafka');
      await delay(250);
      continue;
    }
    try {
      if (!(await exists(target))) await fetchJars(target, onProgress);
    } finally {
      await release();
    }
  }
  return target;
}

/** Fetches into a folder beside the target and renames it, so that the target is either absent or complete. */
async function fetchJars(target, onProgress) {
  const temporary = `${target}.${process.pid}.part`;
  await rm(temporary, { recursive: true, force: true });
  try {
    await copyDependencies(temporary, onProgress);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function copyDependencies(outputDirectory, onProgress) {
  try {
    await run('mvn', ['-v']);
  } catch (cause) {
    throw new Error(`Maven was not found, and fetching Kafka needs it: install Maven 3, ${alternative}.`, { cause });
  }
  onProgress('fetching Apache Kafka (44 MB, once)');
  const options = ['-DincludeScope=runtime', `-DoutputDirectory=${outputDirectory}`];
  const child = spawn('mvn', ['-B', '-f', pom, 'dependency:copy-dependencies', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lastLines = [];
  let copied = 0;
  const onLine = (line) => {
    if (/Copying .*\.jar to /.test(line)) copied += 1;
    if (/Downloaded .*\.jar|Copying .*\.jar to /.test(line)) {
      onProgress(`fetching Apache Kafka (${copied} of ${jarsExpected} files)`);
    }
    if (/ERROR|No space left/.test(line)) lastLines.push(line);
  };
  createInterface({ input: child.stdout }).on('line', onLine);
  createInterface({ input: child.stderr }).on('line', onLine);
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code === 0) return;
  const report = lastLines.join('\n');
  throw new Error(
    /No space left/.test(report)
      ? `The disk is full while fetching Kafka into ${outputDirectory}: free 200 MB, ${alternative}.`
      : `Maven could not fetch Apache Kafka: check the network and Maven's settings (${firstLine(report)}), ${alternative}.`,
    { cause: report },
  );
}

const firstLine = (report) =>
  (report.split('\n')[0] ?? '').replace(/^\[ERROR\]\s*/, '').slice(0, 300) || 'no reason given';

/** Takes a lock file, also from a holder that has died. @returns a function that releases it, or undefined if held */
async function takeLock(path) {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return () => rm(path, { force: true });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  const holder = Number(await readFile(path, 'utf8').catch(() => '0'));
  if (holder > 0 && !isAlive(holder)) await rm(path, { force: true });
  return undefined;
}

/** @param {number} pid @returns {boolean} whether a process of that id exists */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
