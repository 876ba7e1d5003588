/** A subscription that begins at the end of its topic, reads every partition, and commits nothing. It joins no group. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LinkContext } from '../link.js';
import { SubscriptionWork } from '../subscription-work.js';
import type { ReadingState, SubscribeOptions, Subscription } from '../transport.js';
import type { Cluster } from './cluster.js';
import type { OffsetLister } from './offset-lister.js';
import { TopicReader } from './topic-reader.js';

const retryDelayMs = 250;

/** What a subscription is made of. */
export interface SubscriptionParts {
  cluster: Cluster;
  offsets: OffsetLister;
  context: LinkContext;
}

export class EndSubscription implements Subscription {
  /** Resolves when nothing sent from then on is missed. */
  readonly positioned: Promise<void>;
  readonly #parts: SubscriptionParts;
  readonly #options: SubscribeOptions;
  readonly #work: SubscriptionWork;
  readonly #reader: TopicReader;
  readonly #growth: Promise<void>;
  readonly #positions = new Map<number, number>();
  #closed = false;

  constructor(parts: SubscriptionParts, options: SubscribeOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#work = new SubscriptionWork(options, parts.context.statistics);
    this.#reader = createReader(parts, options, this.#work);
    this.positioned = this.#position();
    this.#growth = this.positioned.then(() => this.#watchGrowth());
  }

  reading(): ReadingState {
    return { topic: this.#options.topic, outstanding: this.#work.outstanding, lag: this.#reader.lag() };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#reader.close();
    await this.#work.end();
    await this.#growth;
  }

  /** A topic that does not exist yet has its end at 0 wherever it comes from. */
  async #position(): Promise<void> {
    const { cluster, offsets } = this.#parts;
    while (!this.#closed) {
      try {
        if (!(await cluster.refresh(this.#options.topic))) return;
        for (const [partition, end] of await offsets.ends(this.#options.topic)) this.#positions.set(partition, end);
        this.#reader.assign(this.#positions);
        return;
      } catch (error) {
        this.#options.onError?.(error);
        await delay(retryDelayMs);
      }
    }
  }

  /** Partitions that come later are read from their beginning. Never rejects. */
  async #watchGrowth(): Promise<void> {
    while (!this.#closed) {
      await delay(retryDelayMs);
      const layout = await Promise.resolve(this.#parts.cluster.layout(this.#options.topic)).catch(() => undefined);
      const partitions = layout?.leaders.length ?? 0;
      if (this.#closed || partitions <= this.#positions.size) continue;
      for (let partition = this.#positions.size; partition < partitions; partition += 1) {
        this.#positions.set(partition, 0);
      }
      this.#reader.assign(new Map(this.#positions));
    }
  }
}

/** A reader whose messages become the work of a subscription. */
export function createReader(parts: SubscriptionParts, options: SubscribeOptions, work: SubscriptionWork): TopicReader {
  const { cluster, offsets, context } = parts;
  return new TopicReader(cluster, {
    topic: options.topic,
    onMessage: (message) => work.take(message),
    room: () => work.room(),
    pause: () => options.pause?.(),
    onAlive: () => context.onAlive(),
    onRead: () => options.onRead?.(),
    onError: (error) => {
      context.onTrouble(error);
      options.onError?.(error);
    },
    earliest: (partition) => offsets.earliest(options.topic, partition),
  });
}
