/**
 * What a subscription does with the messages it reads, the same for every client library: order by key, bound, count,
 * and remember what may be committed.
 */
import { KeyedQueue } from './keyed-queue.js';
import { OffsetTracker } from './offset-tracker.js';
import type { IncomingMessage, SubscribeOptions, TransportStatistics } from './transport.js';

const outstandingMaxDefault = 1_000;

/** Up to where a partition was handled. */
export interface HandledOffset {
  partition: number;
  /** The offset of the first message that was not handled. */
  offset: number;
}

export class SubscriptionWork {
  readonly #queue: KeyedQueue<IncomingMessage>;
  readonly #statistics: TransportStatistics;
  /** By partition; empty where nothing is committed. */
  #trackers = new Map<number, OffsetTracker>();

  constructor(options: SubscribeOptions, statistics: TransportStatistics) {
    this.#statistics = statistics;
    this.#queue = new KeyedQueue({
      outstandingMax: options.outstandingMax ?? outstandingMaxDefault,
      handle: (message) => options.onMessage(message),
      onDone: ({ partition, offset }) => this.#trackers.get(partition)?.handled(Number(offset)),
      onError: (error, message) => options.onError?.(error, message),
    });
  }

  /** Starts to track these partitions from these offsets, and forgets all others. */
  assign(positions: ReadonlyMap<number, number>): void {
    this.#queue.dropWaiting();
    this.#trackers = new Map([...positions].map(([partition, offset]) => [partition, new OffsetTracker(offset)]));
  }

  take(message: IncomingMessage): void {
    this.#statistics.messagesReceived += 1;
    this.#trackers.get(message.partition)?.received(Number(message.offset));
    this.#queue.push(message);
  }

  /** @returns undefined if more may be taken now, or a promise for when it may */
  room(): Promise<void> | undefined {
    return this.#queue.full ? this.#queue.room() : undefined;
  }

  /** What was handled since the last commit. */
  get uncommitted(): HandledOffset[] {
    const handled: HandledOffset[] = [];
    for (const [partition, tracker] of this.#trackers) {
      const offset = tracker.uncommitted;
      if (offset !== undefined) handled.push({ partition, offset });
    }
    return handled;
  }

  /** Notes that the broker has stored these. */
  committed(offsets: readonly HandledOffset[]): void {
    for (const { partition, offset } of offsets) this.#trackers.get(partition)?.committed(offset);
  }

  /** Starts nothing more, and resolves when what runs has ended. */
  async end(): Promise<void> {
    this.#queue.dropWaiting();
    await this.#queue.idle();
  }
}
