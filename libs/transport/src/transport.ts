/**
 * The port through which Concordat speaks to a message broker. It carries opaque values between named topics; what
 * they mean is the caller's business (`@concordat/protocol`).
 *
 * What every adapter promises, and the contract suite checks:
 * - T1 A resolved `send` is stored by all in-sync replicas. A rejected one may or may not have been stored.
 * - T2 Delivery is at least once: repetition is normal, after a crash, a restart or a change of owners.
 * - T3 Messages of one key in one topic are handled one after the other, in the order of their offsets. Different
 *   keys never wait for one another, up to the bound on messages handled at once.
 * - T4 In mode `committed` an offset is committed only when it and everything before it in its partition was handled.
 * - T5 A broker that goes away and comes back is survived without help: `available` tells, nothing throws.
 */

import type { Signer } from './signing/signature.js';

/** A message on its way out. */
export interface OutgoingMessage {
  topic: string;
  /** Decides the partition and the order of handling. */
  key: string;
  value: string;
  headers?: Record<string, string>;
  /**
   * How long it may wait, in ms, for others to be sent with, so that it costs no request of its own. By default it goes
   * at once. What is sent after it never overtakes it.
   */
  waitMs?: number;
}

/** A message as it was received. */
export interface IncomingMessage {
  topic: string;
  partition: number;
  /** A decimal integer: offsets outgrow no bigint, but they may outgrow a JavaScript number. */
  offset: string;
  /** Empty where the message had none. */
  key: string;
  /** The bytes of the value; empty where the message had none (a tombstone). */
  value: Buffer;
  headers: Record<string, string>;
  /** When the producer made it, Unix time in ms. */
  timestampMs: number;
  /** Who signed it: set only where signatures are verified, and only after this one was. */
  signer?: Signer;
}

/** A topic that is to exist. */
export interface TopicSpec {
  name: string;
  partitions: number;
  /** Topic configuration in Kafka's own names, such as `retention.ms`. */
  config?: Record<string, string>;
}

/** What to read and how. */
export interface SubscribeOptions {
  topic: string;
  /** Whose position is kept, in mode `committed`: its members share the partitions. A name for logs otherwise. */
  groupId: string;
  /**
   * `end`: begin at the end and never commit (a replica that reads all replies).
   * `committed`: resume from the group's committed offsets, from the earliest message when there are none, and commit
   * after handling.
   */
  from: 'end' | 'committed';
  /**
   * Called once per message. Messages with the same key are handled one after the other in order, different keys
   * concurrently. A returned promise is awaited before the offset counts as handled; a synchronous return counts at
   * once. A throw is reported to `onError` and counts as handled: the protocol's resends are the retry.
   */
  onMessage(message: IncomingMessage): void | Promise<void>;
  /** Told whenever all brokers of the topic have answered a read, with messages or without: nothing sent before is missed. */
  onRead?(): void;
  /**
   * Asked after each read that brought messages: reading goes on when the promise resolves. For a reader that is in no
   * hurry, to which many messages at once come cheaper than each by itself. Must resolve by itself, also after `close`.
   */
  pause?(): Promise<void> | undefined;
  /** Told of a handler that threw (with its message) and of trouble with the broker (without). */
  onError?(error: unknown, message?: IncomingMessage): void;
  /** Bound on messages that are being handled or wait for their turn; reading pauses beyond it. By default 1,000. */
  outstandingMax?: number;
}

/** How far a subscription is behind what was sent to its topic. */
export interface ReadingState {
  topic: string;
  /** Messages that were read and are being handled, or wait for their turn; bounded by `outstandingMax`. */
  outstanding: number;
  /**
   * By partition that is read here: offsets between what was read and the end of the partition, which the broker names
   * with each answer. It is as old as that answer: where no broker answers, or nothing is read for want of room, it stands still.
   */
  lag: ReadonlyMap<number, number>;
}

/** A running subscription. */
export interface Subscription {
  /** Costs a walk over the partitions, and no question to the broker. */
  reading(): ReadingState;
  /** Stops reading, waits for running handlers, commits what was handled, and leaves the group. */
  close(): Promise<void>;
}

/** Counters since the transport was made. */
export interface TransportStatistics {
  messagesSent: number;
  /** Messages whose `send` was rejected: not stored, as far as is known. */
  messagesFailed: number;
  /** Produce requests that succeeded: `messagesSent / batchesSent` is the mean batch. */
  batchesSent: number;
  messagesReceived: number;
  /** Bytes of keys and values of the messages sent; a character beyond ASCII counts as one. */
  bytesSent: number;
  /** Messages that were accepted although nobody signed them; where signatures are verified. */
  messagesUnsigned?: number;
  /** Messages whose signature was missing or wrong, and that reached no handler; where signatures are verified. */
  messagesRefused?: number;
}

/** A connection to the broker, for sending and for receiving. */
export interface Transport {
  /** Resolves when the broker has answered; rejects with `transport-unavailable` when none does. */
  connect(): Promise<void>;
  /** Creates what is missing. Idempotent; an existing topic is left as it is. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  /** Resolves when stored (T1); rejects with a `TransportError`. Sends are batched inside. */
  send(message: OutgoingMessage): Promise<void>;
  /** Resolves when positioned: nothing sent after that is missed. */
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  /** False while the broker cannot be reached; recovers on its own. */
  readonly available: boolean;
  /** Calls the listener at every change of `available`. */
  onAvailability(listener: (available: boolean) => void): void;
  readonly statistics: Readonly<TransportStatistics>;
  /** How far each open subscription has read. */
  reading(): ReadingState[];
  /** Sends what is queued, closes the subscriptions, then the connections. */
  close(): Promise<void>;
}
