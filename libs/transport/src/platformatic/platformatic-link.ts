/** The way to the broker through @platformatic/kafka: its connections, groups and administration, our own hot path. */
import type { Link, LinkContext } from '../link.js';
import type { OutgoingMessage, SubscribeOptions, Subscription, TopicSpec } from '../transport.js';
import { Cluster, clientSettings } from './cluster.js';
import { CommittedSubscription } from './committed-subscription.js';
import { EndSubscription } from './end-subscription.js';
import { IdempotentProducer } from './idempotent-producer.js';
import { OffsetLister } from './offset-lister.js';

export class PlatformaticLink implements Link {
  readonly #context: LinkContext;
  readonly #cluster: Cluster;
  readonly #producer: IdempotentProducer;
  readonly #offsets: OffsetLister;

  constructor(context: LinkContext) {
    const connecting = clientSettings(context.settings);
    this.#context = context;
    this.#cluster = new Cluster(connecting);
    this.#producer = new IdempotentProducer(this.#cluster, {
      connecting,
      timeoutMs: context.settings.sendTimeoutMs,
      onTrouble: context.onTrouble,
    });
    this.#offsets = new OffsetLister(connecting);
  }

  probe(): Promise<void> {
    return this.#cluster.probe();
  }

  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#cluster.createTopics(topics);
  }

  deliver(batch: readonly OutgoingMessage[]): Promise<void> {
    return this.#producer.deliver(batch);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const parts = { cluster: this.#cluster, offsets: this.#offsets, context: this.#context };
    const subscription =
      options.from === 'end' ? new EndSubscription(parts, options) : new CommittedSubscription(parts, options);
    await subscription.positioned;
    return subscription;
  }

  async close(): Promise<void> {
    await Promise.all([this.#producer.close(), this.#offsets.close(), this.#cluster.close()]);
  }
}
