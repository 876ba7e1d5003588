/**
 * A subscription through a kafkajs consumer. kafkajs always reads as a member of a group: in mode `end` that is a group
 * of its own, and the positions are kept here and set again at every join, as nothing is committed.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { LinkContext } from '../link.js';
import { SubscriptionWork } from '../subscription-work.js';
import type { IncomingMessage, ReadingState, SubscribeOptions, Subscription } from '../transport.js';

const retryDelayMs = 250;
const commitIntervalMs = 200;
const strideMessages = 200;
const noBytes = Buffer.alloc(0);

/** What a subscription asks of the link. */
export interface KafkajsSubscriptionParts {
  kafka: Kafka;
  context: LinkContext;
  topicExists(): Promise<boolean>;
  /** By partition the offset that the next message will have. */
  ends(): Promise<Map<number, number>>;
}

export class KafkajsSubscription implements Subscription {
  /** Resolves when nothing sent from then on is missed, or the topic is known not to exist yet. */
  readonly positioned: Promise<void>;
  readonly #parts: KafkajsSubscriptionParts;
  readonly #options: SubscribeOptions;
  readonly #work: SubscriptionWork;
  readonly #positioned = Promise.withResolvers<void>();
  readonly #closing = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  /** Where to read on, in mode `end`. */
  #positions: Map<number, number> | undefined;
  /** By partition: the end when the newest batch was read, and where that batch is read up to. */
  readonly #reached = new Map<number, { end: number; next: number }>();
  #closed = false;

  constructor(parts: KafkajsSubscriptionParts, options: SubscribeOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#work = new SubscriptionWork(options, parts.context.statistics);
    this.positioned = this.#positioned.promise;
    this.#running = this.#run();
  }

  reading(): ReadingState {
    const lag = [...this.#reached].map(([partition, { end, next }]) => [partition, Math.max(0, end - next)] as const);
    return { topic: this.#options.topic, outstanding: this.#work.outstanding, lag: new Map(lag) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.resolve();
    await this.#running;
  }

  /** One consumer after the other. Never rejects. */
  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        if (await this.#parts.topicExists()) await this.#consume();
        else this.#foundNoTopic();
      } catch (error) {
        this.#report(error);
      }
      if (!this.#closed) await Promise.race([delay(retryDelayMs), this.#closing.promise]);
    }
    await this.#work.end();
    this.#positioned.resolve();
  }

  /** Whatever comes once the topic exists was sent after this. */
  #foundNoTopic(): void {
    this.#positions ??= new Map();
    this.#positioned.resolve();
  }

  async #consume(): Promise<void> {
    const { sessionTimeoutMs } = this.#parts.context.settings;
    const { groupId, from } = this.#options;
    const consumer = this.#parts.kafka.consumer({
      // In mode `end` each consumer has a new group, so that none waits for what is left of the one before.
      groupId: from === 'end' ? `${groupId}.${randomUUID()}` : groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs * 2,
      heartbeatInterval: Math.floor(sessionTimeoutMs / 6),
      minBytes: 1,
      maxBytes: 1024 * 1024,
      maxBytesPerPartition: 256 * 1024,
      maxWaitTimeInMs: 250,
      allowAutoTopicCreation: false,
      retry: { retries: 5, initialRetryTime: 50, maxRetryTime: 500, restartOnFailure: async () => false },
    });
    const crashed = Promise.withResolvers<never>();
    crashed.promise.catch(() => {});
    consumer.on('consumer.crash', ({ payload }) => crashed.reject(payload.error));
    consumer.on('consumer.fetch', () => {
      this.#parts.context.onAlive();
      this.#options.onRead?.(); // of one broker: kafkajs does not tell when all have answered
    });
    let commit: Promise<void> | undefined;
    const timer = setInterval(() => {
      commit ??= this.#commit(consumer).finally(() => {
        commit = undefined;
      });
    }, commitIntervalMs);
    try {
      if (from === 'end') this.#positions ??= await this.#parts.ends();
      await Promise.race([this.#start(consumer), crashed.promise, this.#closing.promise]);
      this.#positioned.resolve();
      await Promise.race([crashed.promise, this.#closing.promise]);
      // A consumer that was stopped can no longer commit: it is only paused until what runs has ended.
      consumer.pause([{ topic: this.#options.topic }]);
      await this.#work.end();
      clearInterval(timer);
      await commit;
      await this.#commit(consumer);
    } finally {
      clearInterval(timer);
      this.#work.reassign();
      await consumer.disconnect().catch((error) => this.#report(error));
    }
  }

  /** Resolves when the consumer has joined its group. */
  async #start(consumer: Consumer): Promise<void> {
    const { topic, from } = this.#options;
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const joined = new Promise<void>((resolve) => {
      consumer.on('consumer.group_join', ({ payload }) => {
        this.#work.reassign();
        this.#reached.clear();
        // The event comes before the first fetch, so that nothing is read from where kafkajs would begin.
        if (from === 'end') this.#seek(consumer, payload.memberAssignment[topic] ?? []);
        resolve();
      });
    });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 64,
      eachBatch: (payload) => this.#takeBatch(payload),
    });
    await joined;
  }

  #seek(consumer: Consumer, partitions: number[]): void {
    for (const partition of partitions) {
      const offset = this.#positions?.get(partition) ?? 0;
      consumer.seek({ topic: this.#options.topic, partition, offset: String(offset) });
    }
  }

  async #takeBatch({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> {
    const { topic, partition, messages } = batch;
    const reached = { end: Number(batch.highWatermark), next: Number(messages[0]?.offset ?? 0) };
    this.#reached.set(partition, reached);
    for (let index = 0; index < messages.length; index += 1) {
      if (index % strideMessages === 0) {
        if (index > 0) await turn();
        await this.#waitForRoom(heartbeat);
        if (!isRunning() || isStale()) return;
      }
      const { offset, key, value, headers, timestamp } = messages[
        index
      ] as EachBatchPayload['batch']['messages'][number];
      const message: IncomingMessage = {
        topic,
        partition,
        offset,
        key: key?.toString() ?? '',
        value: value ?? noBytes,
        headers: headers ? textHeaders(headers) : {},
        timestampMs: Number(timestamp),
      };
      resolveOffset(offset);
      reached.next = Number(offset) + 1;
      this.#positions?.set(partition, reached.next);
      this.#work.take(message);
    }
    await this.#options.pause?.();
    await heartbeat();
  }

  async #waitForRoom(heartbeat: () => Promise<void>): Promise<void> {
    for (let room = this.#work.room(); room; room = this.#work.room()) {
      await Promise.race([room, delay(500)]);
      await heartbeat();
    }
  }

  /** Never rejects: what could not be committed now is committed with what follows. */
  async #commit(consumer: Consumer): Promise<void> {
    const handled = this.#work.uncommitted;
    if (handled.length === 0) return;
    const { topic } = this.#options;
    try {
      await consumer.commitOffsets(
        handled.map(({ partition, offset }) => ({ topic, partition, offset: String(offset) })),
      );
      this.#work.committed(handled);
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    this.#parts.context.onTrouble(error);
    this.#options.onError?.(error);
  }
}

function textHeaders(headers: Record<string, Buffer | string | Array<Buffer | string> | undefined>) {
  const texts = Object.entries(headers).map(([name, value]) => {
    const first = Array.isArray(value) ? value[0] : value;
    return [name, String(first ?? '')] as const;
  });
  return Object.fromEntries(texts);
}
