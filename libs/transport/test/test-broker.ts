/** What the tests of the adapters share: a real broker, and a way to wait. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IncomingMessage, SubscribeOptions, Transport } from '../src/transport.js';

/** A broker that runs for the tests. */
export interface TestBroker {
  brokers: string[];
  close(): Promise<void>;
}

/** A broker of the test's own, which it may stop and start. */
export interface OwnBroker {
  brokers: string[];
  stop(): Promise<void>;
  /** On the same port, with the same data. */
  start(): Promise<void>;
  close(): Promise<void>;
}

interface RunningKafka {
  brokers: string;
  pid: number;
  stop(): Promise<void>;
}

type StartKafka = (options: { directory: string; port?: number; heapMb?: number }) => Promise<RunningKafka>;

/** The broker of KAFKA_BROKERS, or one of our own. */
export async function openBroker(): Promise<TestBroker> {
  const given = process.env.KAFKA_BROKERS;
  return given ? { brokers: given.split(','), close: async () => {} } : openOwnBroker();
}

export async function openOwnBroker(): Promise<OwnBroker> {
  const launcher = new URL('../../../scripts/lib/kafka.mjs', import.meta.url).href;
  const { startKafka } = (await import(launcher)) as { startKafka: StartKafka };
  const directory = await mkdtemp(join(tmpdir(), 'concordat-kafka-'));
  let kafka = await startKafka({ directory, heapMb: 256 });
  const port = Number(kafka.brokers.split(':')[1]);
  return {
    brokers: [kafka.brokers],
    stop: () => kafka.stop(),
    start: async () => {
      kafka = await startKafka({ directory, port, heapMb: 256 });
    },
    close: async () => {
      await kafka.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

let names = 0;

/** A name that no other test, and no other run against the same broker, uses. */
export function uniqueName(prefix: string): string {
  names += 1;
  return `${prefix}.${process.pid.toString(36)}.${Date.now().toString(36)}.${names}`;
}

/** Resolves when the condition holds; a test that waits in vain ends by its own timeout. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Subscribes, and gathers what comes. */
export async function collect(
  transport: Transport,
  topic: string,
  from: SubscribeOptions['from'],
  groupId = uniqueName('group'),
): Promise<IncomingMessage[]> {
  const received: IncomingMessage[] = [];
  await transport.subscribe({ topic, groupId, from, onMessage: (message) => void received.push(message) });
  return received;
}
