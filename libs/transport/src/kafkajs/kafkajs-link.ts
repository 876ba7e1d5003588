/** The way to the broker through kafkajs: any broker and any Node, at a higher price per message. */
import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import { type Admin, Kafka, logLevel, type Producer, type SASLOptions } from 'kafkajs';
import type { Link, LinkContext } from '../link.js';
import { partitionOf } from '../partition-of.js';
import { type KafkaSasl, tlsOptions } from '../security.js';
import type { OutgoingMessage, SubscribeOptions, Subscription, TopicSpec } from '../transport.js';
import { asTransportError, isUnknownTopic, typeOf } from './errors.js';
import { KafkajsSubscription } from './kafkajs-subscription.js';

const requestTimeoutMs = 5_000;

export class KafkajsLink implements Link {
  readonly #context: LinkContext;
  readonly #kafka: Kafka;
  readonly #admin: Admin;
  #producer: Producer | undefined;

  constructor(context: LinkContext) {
    const { brokers, clientId, security } = context.settings;
    this.#context = context;
    this.#kafka = new Kafka({
      clientId,
      brokers,
      connectionTimeout: 3_000,
      requestTimeout: requestTimeoutMs,
      retry: { retries: 1, initialRetryTime: 50, maxRetryTime: 200 },
      socketFactory: createSocket,
      ...(security?.tls && { ssl: tlsOptions(security.tls) }),
      ...(security?.sasl && { sasl: kafkajsSasl(security.sasl) }),
      // Failures are reported by the transport, once.
      logLevel: logLevel.NOTHING,
    });
    this.#admin = this.#kafka.admin();
  }

  async probe(): Promise<void> {
    try {
      await this.#admin.connect();
      await this.#admin.describeCluster();
    } catch (error) {
      throw asTransportError(error);
    }
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.#admin.connect();
    const existing = new Set(await this.#admin.listTopics());
    for (const { name, partitions, config = {} } of topics) {
      if (existing.has(name)) continue;
      const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }));
      try {
        await this.#admin.createTopics({ topics: [{ topic: name, numPartitions: partitions, configEntries }] });
      } catch (error) {
        if (typeOf(error) !== 'TOPIC_ALREADY_EXISTS') throw error;
      }
    }
  }

  async deliver(batch: readonly OutgoingMessage[]): Promise<void> {
    const byTopic = new Map<string, Array<{ key: string; value: string; headers?: Record<string, string> }>>();
    for (const { topic, key, value, headers } of batch) {
      const message = headers ? { key, value, headers } : { key, value };
      const group = byTopic.get(topic);
      if (group) group.push(message);
      else byTopic.set(topic, [message]);
    }
    try {
      this.#producer ??= await this.#createProducer();
      const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic, messages }));
      await this.#producer.sendBatch({ acks: -1, topicMessages });
    } catch (error) {
      // The numbers of an idempotent producer are uncertain after a failure: the next batch gets a new one.
      const failed = this.#producer;
      this.#producer = undefined;
      failed?.disconnect().catch(() => {});
      throw asTransportError(error);
    }
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const topicExists = async () => {
      await this.#admin.connect();
      try {
        return (await this.#admin.fetchTopicMetadata({ topics: [options.topic] })).topics.length > 0;
      } catch (error) {
        if (isUnknownTopic(error)) return false;
        throw error;
      }
    };
    const ends = async () => {
      const offsets = await this.#admin.fetchTopicOffsets(options.topic);
      return new Map(offsets.map(({ partition, offset }) => [partition, Number(offset)]));
    };
    const parts = { kafka: this.#kafka, context: this.#context, topicExists, ends };
    const subscription = new KafkajsSubscription(parts, options);
    await subscription.positioned;
    return subscription;
  }

  async close(): Promise<void> {
    await this.#producer?.disconnect();
    await this.#admin.disconnect();
  }

  async #createProducer(): Promise<Producer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: { retries: 2, initialRetryTime: 50, maxRetryTime: 200 },
      createPartitioner:
        () =>
        ({ message, partitionMetadata }) =>
          partitionOf(String(message.key ?? ''), partitionMetadata.length),
    });
    await producer.connect();
    return producer;
  }
}

/** kafkajs leaves Nagle's algorithm on, which adds milliseconds to every exchange. */
function createSocket(options: { host: string; port: number; ssl: unknown; onConnect: () => void }) {
  const { host, port, ssl, onConnect } = options;
  const socket = ssl
    ? connectSecure({ host, port, servername: isIP(host) ? '' : host, ...(ssl as object) }, onConnect)
    : connectPlain({ host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 60_000);
  return socket;
}

/** kafkajs writes the mechanisms in small letters. */
const kafkajsSasl = ({ mechanism, username, password }: KafkaSasl): SASLOptions =>
  ({ mechanism: mechanism.toLowerCase(), username, password }) as SASLOptions;
