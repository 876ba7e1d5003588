/** What every adapter promises when brokers and processes die (T2, T4, T5 of transport.ts), against a broker of our own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTransport } from '../src/create-transport.js';
import type { TransportOptions } from '../src/options.js';
import type { Transport } from '../src/transport.js';
import { collect, type OwnBroker, openOwnBroker, uniqueName, until } from './test-broker.js';

let broker: OwnBroker;
const open = new Set<Transport>();
const children = new Set<ChildProcess>();

beforeAll(async () => {
  broker = await openOwnBroker();
}, 120_000);

afterAll(() => broker.close(), 60_000);

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await Promise.all([...open].map((transport) => transport.close()));
  open.clear();
}, 60_000);

async function connect(options: Partial<TransportOptions>): Promise<Transport> {
  const transport = createTransport({ brokers: broker.brokers, clientId: uniqueName('test'), ...options });
  open.add(transport);
  await transport.connect();
  return transport;
}

async function createTopic(transport: Transport, partitions: number): Promise<string> {
  const name = uniqueName('topic');
  await transport.ensureTopics([{ name, partitions }]);
  return name;
}

/** A process that reads a topic in a group and tells what it has seen. */
async function startReader(settings: { client: string; topic: string; groupId: string; clientId: string }) {
  const seen: string[] = [];
  const child = fork(new URL('reader.mjs', import.meta.url), {
    env: { ...process.env, NODE_OPTIONS: '', READER: JSON.stringify({ ...settings, brokers: broker.brokers }) },
    execArgv: [],
  });
  children.add(child);
  const ready = Promise.withResolvers<void>();
  child.on('message', (message) => {
    if (message === 'ready') ready.resolve();
    else seen.push(String(message));
  });
  await Promise.race([ready.promise, once(child, 'exit').then(() => Promise.reject(new Error('The reader died.')))]);
  return { child, seen };
}

describe.each(['platformatic', 'kafkajs'] as const)('the transport by %s', (client) => {
  it('goes on by itself when the broker comes back, and has lost nothing', async () => {
    const transport = await connect({ client, sendTimeoutMs: 60_000 });
    const topic = await createTopic(transport, 3);
    const changes: boolean[] = [];
    transport.onAvailability((available) => changes.push(available));
    const atEnd = await collect(transport, topic, 'end');
    const committed = await collect(transport, topic, 'committed');
    const sent: string[] = [];
    const send = async (count: number, prefix: string) => {
      const values = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
      await Promise.all(values.map((value) => transport.send({ topic, key: value, value })));
      sent.push(...values);
    };
    await send(50, 'before');
    await broker.stop();
    await until(() => !transport.available);
    const meanwhile = send(50, 'meanwhile');
    await broker.start();
    await meanwhile;
    await until(() => transport.available);
    await send(50, 'after');
    const complete = (received: typeof atEnd) => new Set(received.map(({ value }) => value.toString())).size === 150;
    await until(() => complete(atEnd) && complete(committed));
    expect(sent).toHaveLength(150);
    expect(changes).toEqual([false, true]);
  }, 90_000);

  it('tells of reads also where there is nothing to read, and of none while the broker is away', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport, 3);
    let reads = 0;
    const onRead = () => {
      reads += 1;
    };
    await transport.subscribe({ topic, groupId: uniqueName('group'), from: 'end', onMessage: () => {}, onRead });
    await until(() => reads >= 4);
    await broker.stop();
    await until(() => !transport.available);
    const before = reads;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(reads).toBe(before);
    await broker.start();
    await until(() => reads > before);
  }, 90_000);

  it('rejects a send that the broker does not take in time', async () => {
    const transport = await connect({ client, sendTimeoutMs: 500 });
    const topic = await createTopic(transport, 1);
    await transport.send({ topic, key: 'k', value: 'v' });
    await broker.stop();
    await expect(transport.send({ topic, key: 'k', value: 'v' })).rejects.toMatchObject({
      code: 'transport-unavailable',
      retryable: true,
    });
    await broker.start();
    await until(() => transport.available);
    await transport.send({ topic, key: 'k', value: 'v' });
  }, 90_000);

  it('shares partitions among the members of a group, and gives them to those that remain', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport, 4);
    const groupId = uniqueName('group');
    const members = await Promise.all([connect({ client }), connect({ client })]);
    const first = await collect(members[0], topic, 'committed', groupId);
    const second = await collect(members[1], topic, 'committed', groupId);
    let sent = 0;
    const sendSome = async () => {
      const values = Array.from({ length: 40 }, () => `${sent++}`);
      await Promise.all(values.map((value) => transport.send({ topic, key: value, value })));
    };
    const all = () => new Set([...first, ...second].map(({ value }) => value.toString())).size;
    // Until the group has settled both members see all of them; then each sees a part.
    for (let seen = 0; seen === 0; seen = second.length) {
      await sendSome();
      await until(() => all() === sent);
    }
    const before = second.length;
    await members[1].close();
    open.delete(members[1]);
    await sendSome();
    await until(() => all() === sent);
    expect(second).toHaveLength(before);
  }, 90_000);

  it('resumes after a process was killed and started again, with what was not committed', async () => {
    const transport = await connect({ client });
    const topic = await createTopic(transport, 3);
    const settings = { client, topic, groupId: uniqueName('group'), clientId: uniqueName('reader') };
    let sent = 0;
    const sendSome = async () => {
      const values = Array.from({ length: 30 }, () => `${sent++}`);
      await Promise.all(values.map((value) => transport.send({ topic, key: value, value })));
    };
    const killed = await startReader(settings);
    await sendSome();
    await until(() => killed.seen.length === sent);
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    await sendSome();
    const startedMs = performance.now();
    const restarted = await startReader(settings);
    await until(() => new Set([...killed.seen, ...restarted.seen]).size === sent);
    process.stdout.write(`${client}: resumed ${Math.round(performance.now() - startedMs)} ms after the restart\n`);
    await sendSome();
    await until(() => new Set([...killed.seen, ...restarted.seen]).size === sent);
    expect(restarted.seen.length).toBeGreaterThanOrEqual(60);
  }, 90_000);

  it('goes on when two processes have the same name by mistake', async () => {
    const clientId = uniqueName('same');
    const transport = await connect({ client });
    const topic = await createTopic(transport, 4);
    const groupId = uniqueName('group');
    const warnings: string[] = [];
    const logger = { info: () => {}, warn: (_: object, text: string) => warnings.push(text), error: () => {} };
    const same = { client, clientId, logger };
    const members = await Promise.all([connect(same), connect(same)]);
    const first = await collect(members[0], topic, 'committed', groupId);
    const second = await collect(members[1], topic, 'committed', groupId);
    const all = () => new Set([...first, ...second].map(({ value }) => value.toString())).size;
    // Only one of the two libraries has names for members at all.
    const settled = () => client === 'kafkajs' || warnings.some((text) => text.includes('same instance id'));
    await until(settled);
    for (let sent = 1; first.length === 0 || second.length === 0; sent += 1) {
      await transport.send({ topic, key: `k${sent}`, value: `${sent}` });
      await until(() => all() === sent);
    }
  }, 90_000);
});
