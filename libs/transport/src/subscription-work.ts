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
  readonly #commits: boolean;
  #ended = false;
  /** By partition. */
  #trackers = new Map<number, OffsetTracker>();

  constructor(options: SubscribeOptions, statistics: TransportStatistics) {
    this.#statistics = statistics;
    this.#commits = options.from === 'committed';
    this.#queue = new KeyedQueue({
      outstandingMax: options.outstandingMax ?? outstandingMaxDefault,
      handle: (message) => options.onMessage(message),
      onDone: ({ partition, offset }) => this.#trackers.get(partition)?.handled(Number(offset)),
      onError: (error, message) => options.onError?.(error, message),
    });
  }

  /** Forgets what waits and what was tracked: the partitions were assigned anew, or are ours no longer. */
  reassign(): void {
    this.#queue.dropWaiting();
    this.#trackers = new Map();
  }

  /** Starts the handler of a message, now or when it is its turn. After `end` it is left to the next owner. */
  take(message: IncomingMessage): void {
    if (this.#ended) return;
    this.#statistics.messagesReceived += 1;
    if (this.#commits) this.#track(message.partition, Number(message.offset));
    this.#queue.push(message);
  }

  /** A partition that starts anew, further back perhaps, gets a new tracker. */
  #track(partition: number, offset: number): void {
    let tracker = this.#trackers.get(partition);
    if (!tracker || offset < tracker.next) {
      tracker = new OffsetTracker(offset);
      this.#trackers.set(partition, tracker);
    }
    tracker.received(offset);
  }

  /** Messages that were taken and are not handled yet. */
  get outstanding(): number {
    return this.#queue.outstanding;
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
    this.#ended = true;
    this.#queue.dropWaiting();
    await this.#queue.idle();
  }
}
