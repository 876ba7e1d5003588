/**
 * Reads some partitions of one topic from given positions on, for as long as it is open, whatever happens to the
 * brokers. Owns the positions; hands every message on and does not know what becomes of it.
 *
 * Invariants:
 * - R1 A position moves only past messages that were handed on.
 * - R2 What comes back from a fetch that an assignment has overtaken is dropped.
 */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { ConnectionPool } from '@platformatic/kafka';
import type { IncomingMessage } from '../transport.js';
import type { Cluster } from './cluster.js';
import { decodeRecordBatches } from './record-batch.js';
import { type FetchedPartition, fetch } from './requests.js';

const waitMs = 250;
const bytesMax = 1024 * 1024;
const partitionBytesMax = 256 * 1024;
const retryDelayMinMs = 50;
const retryDelayMaxMs = 500;
const offsetOutOfRange = 1;
/** Handed on at once before other work gets its turn. */
const strideMessages = 200;

interface TopicReaderOptions {
  topic: string;
  onMessage(message: IncomingMessage): void;
  /** Awaited between strides: how the taker holds the reader back. Undefined when there is room. */
  room(): Promise<void> | undefined;
  /** Awaited after a read that brought something: how a taker in no hurry has more come at once. */
  pause(): Promise<void> | undefined;
  /** The broker has answered. */
  onAlive(): void;
  /** Every broker that leads some of the partitions has answered a read since the last time. */
  onRead(): void;
  onError(error: unknown): void;
  /** Where to go on when the broker no longer has the position. */
  earliest(partition: number): Promise<number>;
}

/** What the loops of one assignment share. */
interface ReadState {
  ended: boolean;
  readonly leaders: readonly number[];
  /** Leaders that have not answered since `onRead` was last called. */
  readonly unheard: Set<number>;
}

/** Partitions and where to read on; replaced as a whole by each assignment. */
type Positions = Map<number, number>;

export class TopicReader {
  readonly #cluster: Cluster;
  readonly #pool: ConnectionPool;
  readonly #options: TopicReaderOptions;
  #positions: Positions = new Map();
  /** By partition the end that the broker last named. */
  readonly #ends = new Map<number, number>();
  #assigned: () => void = () => {};
  #running: Promise<void>;
  #closed = false;

  constructor(cluster: Cluster, options: TopicReaderOptions) {
    this.#cluster = cluster;
    this.#pool = cluster.createPool();
    this.#options = options;
    this.#running = this.#run();
  }

  /** Reads these partitions from now on, from these offsets, and no others. */
  assign(positions: Positions): void {
    this.#positions = positions;
    this.#assigned();
  }

  /** By partition that is read: how many offsets lie between the position and the end. */
  lag(): Map<number, number> {
    const behind = (partition: number, position: number) => Math.max(0, (this.#ends.get(partition) ?? 0) - position);
    return new Map([...this.#positions].map(([partition, position]) => [partition, behind(partition, position)]));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.assign(new Map());
    await this.#pool.close();
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    let retryDelayMs = retryDelayMinMs;
    while (!this.#closed) {
      const positions = this.#positions;
      if (positions.size === 0) {
        await new Promise<void>((resolve) => {
          this.#assigned = resolve;
        });
        continue;
      }
      try {
        const startedMs = performance.now();
        await this.#readWhileAssigned(positions).finally(() => {
          if (performance.now() - startedMs > retryDelayMaxMs) retryDelayMs = retryDelayMinMs;
        });
      } catch (error) {
        if (this.#closed) return;
        this.#options.onError(error);
        this.#cluster.forget(this.#options.topic);
        await delay(retryDelayMs);
        retryDelayMs = Math.min(retryDelayMs * 2, retryDelayMaxMs);
      }
    }
  }

  /** One loop for each broker that leads some of the partitions; the first that fails ends them all. */
  async #readWhileAssigned(positions: Positions): Promise<void> {
    const layout = await this.#cluster.layout(this.#options.topic);
    if (!layout) throw new Error(`There is no topic ${this.#options.topic}.`);
    const byLeader = new Map<number, number[]>();
    for (const partition of positions.keys()) {
      const leader = layout.leaders[partition];
      if (leader === undefined || leader < 0) throw new Error(`Partition ${partition} has no leader.`);
      const led = byLeader.get(leader);
      if (led) led.push(partition);
      else byLeader.set(leader, [partition]);
    }
    const state = { ended: false, unheard: new Set(byLeader.keys()), leaders: [...byLeader.keys()] };
    const loops = [...byLeader].map(([leader, led]) =>
      this.#readFrom(leader, led, positions, state).finally(() => {
        state.ended = true;
      }),
    );
    const results = await Promise.allSettled(loops);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #readFrom(leader: number, led: number[], positions: Positions, state: ReadState): Promise<void> {
    const { topic, room, pause, onAlive } = this.#options;
    const current = () => !this.#closed && !state.ended && this.#positions === positions;
    while (current()) {
      const wanted = new Map(led.map((partition) => [partition, positions.get(partition) as number]));
      const connection = await this.#cluster.connect(this.#pool, leader);
      const fetched = await fetch(connection, { topic, positions: wanted, waitMs, bytesMax, partitionBytesMax });
      onAlive();
      // The broker fills its answer in this order: nobody is always last.
      led.push(led.shift() as number);
      for (const partition of fetched) {
        if (current()) await this.#takePartition(partition, positions, current);
      }
      this.#noteRead(leader, state);
      const held = room();
      if (held) await held;
      const pausing = fetched.some(({ records }) => records) && current() ? pause() : undefined;
      if (pausing) await pausing;
    }
  }

  /** After the messages of the read were handed on. */
  #noteRead(leader: number, { unheard, leaders }: ReadState): void {
    unheard.delete(leader);
    if (unheard.size > 0) return;
    for (const one of leaders) unheard.add(one);
    this.#options.onRead();
  }

  async #takePartition(fetched: FetchedPartition, positions: Positions, current: () => boolean): Promise<void> {
    const { topic, partition, errorCode, records } = fetched;
    if (errorCode === offsetOutOfRange) {
      positions.set(partition, await this.#options.earliest(partition));
      return;
    }
    if (errorCode !== 0) throw new Error(`Partition ${partition} of ${topic} cannot be read (code ${errorCode}).`);
    this.#ends.set(partition, fetched.end);
    if (!records) return;
    const decoded = decodeRecordBatches(records, topic, partition, positions.get(partition) as number);
    for (const error of decoded.errors) this.#options.onError(error);
    const { messages } = decoded;
    for (let index = 0; index < messages.length; index += 1) {
      if (index > 0 && index % strideMessages === 0) {
        await (this.#options.room() ?? turn());
        if (!current()) return;
      }
      const message = messages[index] as IncomingMessage;
      positions.set(partition, Number(message.offset) + 1);
      this.#options.onMessage(message);
    }
    positions.set(partition, decoded.nextOffset);
  }
}
