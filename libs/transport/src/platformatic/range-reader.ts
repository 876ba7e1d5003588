/**
 * Reads pieces of partitions once, from one offset to another, apart from every group and subscription: for audits.
 * Speaks through @platformatic/kafka whatever client carries the messages.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionPool, Consumer } from '@platformatic/kafka';
import { type TransportOptions, withDefaults } from '../options.js';
import type { IncomingMessage } from '../transport.js';
import { type ClientSettings, Cluster, clientSettings, silenceErrorEvents } from './cluster.js';
import { decodeRecordBatches } from './record-batch.js';
import { fetch } from './requests.js';

const latestTimestamp = -1n;
const earliestTimestamp = -2n;
const offsetOutOfRange = 1;
const bytesMax = 4 * 1024 * 1024;
const waitMs = 250;
/** One piece gives up after so many failures with nothing read in between. */
const attemptsMax = 20;
const retryDelayMs = 250;

/** What there is to read of one partition. */
export interface PartitionRange {
  readonly topic: string;
  readonly partition: number;
  /** The first offset to read. */
  readonly from: number;
  /** The first offset not to read. */
  readonly end: number;
  /** The first offset that is kept; above 0 where retention has removed something, below `from` where a time was given. */
  readonly start: number;
}

/** What came at once. */
export interface RangeRecords {
  readonly messages: readonly IncomingMessage[];
  /** Batches that nobody can read; they are passed over. */
  readonly errors: readonly unknown[];
  /** The offset up to which everything is read. */
  readonly position: number;
  /** Whether retention has removed what was to be read before these. */
  readonly isCut: boolean;
}

export class RangeReader {
  readonly #connecting: ClientSettings;
  readonly #cluster: Cluster;
  readonly #pool: ConnectionPool;
  readonly #lister: Consumer<Buffer, Buffer, Buffer, Buffer>;

  constructor(options: Pick<TransportOptions, 'brokers' | 'clientId' | 'security'>) {
    this.#connecting = clientSettings(withDefaults(options));
    this.#cluster = new Cluster(this.#connecting);
    this.#pool = this.#cluster.createPool();
    // The client library wants a group; this one is never joined.
    this.#lister = new Consumer({ ...this.#connecting, groupId: `${options.clientId}.ranges` });
    silenceErrorEvents(this.#lister.connections);
  }

  /**
   * What is there now, by partition.
   * @param times Unix ms: the first record at or after `fromMs` is the first, the one at or after `toMs` comes too late
   */
  async ranges(topic: string, { fromMs, toMs }: { fromMs?: number; toMs?: number } = {}): Promise<PartitionRange[]> {
    if (!(await this.#retry(() => this.#cluster.refresh(topic)))) return [];
    const ends = await this.#offsets(topic, latestTimestamp);
    const [starts, froms, tos] = [
      await this.#offsets(topic, earliestTimestamp),
      fromMs === undefined ? undefined : await this.#offsets(topic, BigInt(fromMs)),
      toMs === undefined ? undefined : await this.#offsets(topic, BigInt(toMs)),
    ];
    // A time after the last record has no offset: the broker says -1.
    const orEnd = (offset: number | undefined, end: number) => (offset === undefined || offset < 0 ? end : offset);
    return ends.map((last, partition) => {
      const start = starts[partition] ?? 0;
      const end = Math.max(start, tos ? Math.min(last, orEnd(tos[partition], last)) : last);
      const from = Math.min(end, Math.max(start, froms ? orEnd(froms[partition], last) : start));
      return { topic, partition, start, from, end };
    });
  }

  /**
   * Reads a piece in order. The taker holds the reader back by the promise that it returns.
   * @throws Error when Kafka cannot be read, after a bounded number of attempts
   */
  async read(
    { topic, partition, from, end }: Pick<PartitionRange, 'topic' | 'partition' | 'from' | 'end'>,
    take: (records: RangeRecords) => void | Promise<void>,
  ): Promise<void> {
    let position = from;
    let isCut = false;
    let attempts = 0;
    while (position < end) {
      const fetched = await this.#fetch(topic, partition, position).catch((error: unknown) => {
        this.#cluster.forget(topic);
        return { error };
      });
      if ('next' in fetched && fetched.next > position) {
        const messages = fetched.messages.filter(({ offset }) => Number(offset) < end);
        position = Math.min(fetched.next, end);
        await take({ messages, errors: fetched.errors, position, isCut: isCut || fetched.isCut });
        isCut = false;
        attempts = 0;
        continue;
      }
      attempts += 1;
      if (attempts >= attemptsMax) {
        const what = `Partition ${partition} of ${topic} cannot be read at offset ${position}.`;
        throw new Error(what, 'error' in fetched ? { cause: fetched.error } : {});
      }
      await delay(retryDelayMs);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#lister.close(true), this.#cluster.close()]);
  }

  async #offsets(topic: string, timestamp: bigint): Promise<number[]> {
    const offsets = await this.#retry(() => this.#lister.listOffsets({ topics: [topic], timestamp }));
    return (offsets.get(topic) ?? []).map(Number);
  }

  async #retry<T>(ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ask();
      } catch (error) {
        if (attempt >= attemptsMax) throw error;
        await delay(retryDelayMs);
      }
    }
  }

  async #fetch(topic: string, partition: number, position: number) {
    const layout = await this.#cluster.layout(topic);
    const leader = layout?.leaders[partition];
    if (leader === undefined || leader < 0) throw new Error(`Partition ${partition} of ${topic} has no leader.`);
    const connection = await this.#cluster.connect(this.#pool, leader);
    const positions = new Map([[partition, position]]);
    const [fetched] = await fetch(connection, { topic, positions, waitMs, bytesMax, partitionBytesMax: bytesMax });
    if (fetched?.errorCode === offsetOutOfRange) {
      const next = (await this.#offsets(topic, earliestTimestamp))[partition] ?? 0;
      return { next, messages: [], errors: [], isCut: true };
    }
    if (fetched?.errorCode !== 0) throw new Error(`The broker answered with code ${fetched?.errorCode}.`);
    if (!fetched.records) return { next: position, messages: [], errors: [], isCut: false };
    const { messages, errors, nextOffset } = decodeRecordBatches(fetched.records, topic, partition, position);
    return { next: nextOffset, messages, errors, isCut: false };
  }
}
