/** The starter of the local Kafka (scripts/lib/kafka.mjs): what it says when it cannot, and whom it leaves running. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const starter = fileURLToPath(new URL('../../../scripts/lib/kafka.mjs', import.meta.url));
const starters = new Set<ChildProcess>();
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-kafka-'));
});

afterEach(async () => {
  for (const child of starters) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  starters.clear();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

/** Runs the starter until it fails. @returns what it said */
function runToFailure(env: NodeJS.ProcessEnv, ...options: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const environment = { ...process.env, NODE_OPTIONS: '', ...env };
    const args = [starter, '--directory', directory, ...options];
    execFile(process.execPath, args, { env: environment }, (error, _output, complaint) => {
      if (error) resolve(complaint.trim());
      else reject(new Error('The starter did not fail.'));
    });
  });
}

/** Runs the starter until the broker is ready. */
async function start(): Promise<{ child: ChildProcess; brokerPid: number }> {
  const args = [starter, '--directory', directory, '--heap', '256'];
  const child = spawn(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: '' } });
  starters.add(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const ready = /^kafka ready \S+ \(process (\d+)\)$/.exec(line);
    if (ready) return { child, brokerPid: Number(ready[1]) };
  }
  throw new Error('The starter ended before Kafka was ready.');
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the local Kafka', () => {
  it('says what to install where Java or Maven is missing', async () => {
    expect(await runToFailure({ JAVA_HOME: '/nowhere' })).toMatch(
      /^Java was not found.*install Java 17.*KAFKA_BROKERS/,
    );
    const withoutMaven = { JAVA_HOME: '', PATH: join(directory, 'bin') };
    expect(await runToFailure(withoutMaven)).toMatch(/^Java was not found/);
  });

  it('says which port is taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    expect(await runToFailure({}, '--port', String(port))).toMatch(
      new RegExp(`^Port ${port} for Kafka cannot be used`),
    );
    await new Promise((resolve) => server.close(resolve));
  }, 60_000);

  it('refuses a directory that another starter uses, ends with its starter, and ends one that was left behind', async () => {
    const first = await start();
    expect(await runToFailure({})).toMatch(/^Kafka already runs in /);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    expect(isAlive(first.brokerPid)).toBe(true);
    const second = await start();
    expect(isAlive(first.brokerPid)).toBe(false);
    second.child.kill('SIGTERM');
    expect(await once(second.child, 'exit')).toEqual([0, null]);
    expect(isAlive(second.brokerPid)).toBe(false);
  }, 120_000);
});
