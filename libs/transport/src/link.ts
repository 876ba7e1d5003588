/**
 * What a client library has to provide for the transport; batching, bounds, availability and order are shared.
 */
import type { TransportSettings } from './options.js';
import type { OutgoingMessage, SubscribeOptions, Subscription, TopicSpec, TransportStatistics } from './transport.js';

/** What an adapter gets from the transport it belongs to. */
export interface LinkContext {
  settings: TransportSettings;
  statistics: TransportStatistics;
  /** To be called whenever the broker has answered. */
  onAlive(): void;
  /** To be called whenever the broker could not be asked. */
  onTrouble(error: unknown): void;
}

/** An adapter: the way to the broker through one client library. */
export interface Link {
  /** Resolves when a broker has answered. */
  probe(): Promise<void>;
  createTopics(topics: readonly TopicSpec[]): Promise<void>;
  /** Stores a batch; one at a time. Rejects with a `TransportError`. */
  deliver(batch: readonly OutgoingMessage[]): Promise<void>;
  /** Resolves when positioned. */
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  close(): Promise<void>;
}
