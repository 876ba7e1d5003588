/**
 * Who leads which partition, and connections to those brokers. Owns the cache of that knowledge; asks again when told
 * that it was wrong, and now and then by itself, as topics grow.
 */
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Admin,
  type Broker,
  type Connection,
  type ConnectionOptions,
  ConnectionPool,
  findErrorBy,
} from '@platformatic/kafka';
import type { TransportSettings } from '../options.js';
import { refusalOf, tlsOptions } from '../security.js';
import type { TopicSpec } from '../transport.js';
import { TransportError } from '../transport-error.js';

const knowledgeAgeMaxMs = 60_000;
const requestTimeoutMs = 5_000;
const knownAttemptsMax = 50;
const knownDelayMs = 100;

/** One topic as last seen. */
export interface TopicLayout {
  /** The leader's node id, by partition. */
  leaders: readonly number[];
  seenAtMs: number;
}

export class Cluster {
  readonly #admin: Admin;
  readonly #connecting: ClientSettings;
  readonly #topics = new Map<string, TopicLayout>();
  readonly #refreshing = new Map<string, Promise<TopicLayout | undefined>>();
  #brokers: ReadonlyMap<number, Broker> = new Map();

  constructor(connecting: ClientSettings) {
    this.#connecting = connecting;
    this.#admin = new Admin(connecting);
    silenceErrorEvents(this.#admin.connections);
    this.#admin.on('error' as never, () => {});
  }

  /** Resolves when a broker has answered. */
  async probe(): Promise<void> {
    try {
      const { brokers } = await this.#admin.metadata({ topics: [], forceUpdate: true });
      this.#brokers = brokers;
    } catch (cause) {
      const refusal = refusalOf(cause);
      throw refusal === undefined ? cause : new TransportError('transport-unauthorized', refusal, { cause });
    }
  }

  /** A pool of connections of its own, for requests that must not wait behind those of others. */
  createPool(): ConnectionPool {
    const { clientId, bootstrapBrokers: _, ...options } = this.#connecting;
    const pool = new ConnectionPool(clientId, options);
    silenceErrorEvents(pool);
    return pool;
  }

  async connect(pool: ConnectionPool, node: number): Promise<Connection> {
    if (!this.#brokers.has(node)) await this.probe();
    const broker = this.#brokers.get(node);
    if (!broker) throw new Error(`Broker ${node} is not known.`);
    return pool.get(broker);
  }

  /** @returns the layout, or undefined if there is no such topic. What is known is answered without waiting. */
  layout(topic: string): TopicLayout | undefined | Promise<TopicLayout | undefined> {
    const known = this.#topics.get(topic);
    if (!known) return this.refresh(topic);
    if (performance.now() - known.seenAtMs > knowledgeAgeMaxMs) {
      known.seenAtMs = performance.now();
      this.refresh(topic).catch(() => this.forget(topic));
    }
    return known;
  }

  /** Asks the brokers; those who ask at the same time share the answer. */
  refresh(topic: string): Promise<TopicLayout | undefined> {
    let refresh = this.#refreshing.get(topic);
    if (!refresh) {
      refresh = this.#ask(topic).finally(() => this.#refreshing.delete(topic));
      this.#refreshing.set(topic, refresh);
    }
    return refresh;
  }

  /** Drops what is known of a topic, because it turned out to be wrong. */
  forget(topic: string): void {
    this.#topics.delete(topic);
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (const { name, partitions, config = {} } of topics) {
      const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }));
      try {
        // Who may not make topics may use those that are there.
        if (!(await this.refresh(name))) {
          await this.#admin.createTopics({ topics: [name], partitions, replicas: -1, configs });
        }
      } catch (error) {
        if (!findErrorBy(error as Error, 'apiId', 'TOPIC_ALREADY_EXISTS')) throw error;
      }
      await this.#untilKnown(name);
    }
  }

  async close(): Promise<void> {
    await this.#admin.close();
  }

  /** The broker that created a topic is not always the one that is asked about it. */
  async #untilKnown(topic: string): Promise<void> {
    for (let attempt = 0; attempt < knownAttemptsMax; attempt += 1) {
      const layout = await this.refresh(topic);
      if (layout?.leaders.every((leader) => leader >= 0)) return;
      await delay(knownDelayMs);
    }
  }

  async #ask(topic: string): Promise<TopicLayout | undefined> {
    try {
      const metadata = await this.#admin.metadata({ topics: [topic], forceUpdate: true });
      this.#brokers = metadata.brokers;
      const partitions = metadata.topics.get(topic)?.partitions ?? [];
      if (partitions.length === 0) return undefined;
      const layout = { leaders: partitions.map((partition) => partition.leader), seenAtMs: performance.now() };
      this.#topics.set(topic, layout);
      return layout;
    } catch (error) {
      if (findErrorBy(error as Error, 'apiId', 'TOPIC_AUTHORIZATION_FAILED')) {
        throw new TransportError('transport-unauthorized', notAllowed(topic), { cause: error });
      }
      if (!/^Unknown topic/.test((error as Error).message)) throw error;
      this.#topics.delete(topic);
      return undefined;
    }
  }
}

export const notAllowed = (topic: string): string => `The broker does not let us use ${topic}: see its ACL.`;

const comingUp = ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR'];

/** Whether a broker says that it, or a topic of its own, is not ready yet: normal after a start. */
export function isComingUp(error: unknown): boolean {
  return error instanceof Error && comingUp.some((apiId) => findErrorBy(error, 'apiId', apiId) !== null);
}

/** What every client of the library is made with. */
export interface ClientSettings extends Pick<ConnectionOptions, 'tls' | 'tlsServerName' | 'sasl'> {
  readonly clientId: string;
  readonly bootstrapBrokers: string[];
  readonly retries: 0;
  readonly connectTimeout: number;
  readonly requestTimeout: number;
}

/** One attempt at a time: who calls knows better when to try again. */
export function clientSettings({ brokers, clientId, security }: TransportSettings): ClientSettings {
  // An address is no server name; the certificate is checked against it all the same.
  const named = brokers.every((broker) => !isIP(broker.slice(0, broker.lastIndexOf(':')).replaceAll(/[[\]]/g, '')));
  return {
    clientId,
    bootstrapBrokers: brokers,
    retries: 0,
    connectTimeout: 3_000,
    requestTimeout: requestTimeoutMs,
    ...(security?.tls && { tls: tlsOptions(security.tls), tlsServerName: named }),
    ...(security?.sasl && { sasl: { ...security.sasl } }),
  };
}

/** An 'error' event that nobody listens to would end the process; every caller gets the same error as a rejection. */
export function silenceErrorEvents(pool: ConnectionPool): void {
  pool.on('connecting', ({ connection }) => {
    connection?.on('error', () => {});
  });
}
