import { Consumer } from '@platformatic/kafka';
import { type ClientSettings, silenceErrorEvents } from './cluster.js';

const latestTimestamp = -1n;
const earliestTimestamp = -2n;

/** Asks where topics begin and end. */
export class OffsetLister {
  readonly #consumer: Consumer<Buffer, Buffer, Buffer, Buffer>;

  constructor(connecting: ClientSettings) {
    // The client library wants a group; this one is never joined.
    this.#consumer = new Consumer({ ...connecting, groupId: `${connecting.clientId}.offsets` });
    silenceErrorEvents(this.#consumer.connections);
  }

  /** @returns the offset of the first message that is still kept */
  async earliest(topic: string, partition: number): Promise<number> {
    const partitions = { [topic]: [partition] };
    const offsets = await this.#consumer.listOffsets({ topics: [topic], partitions, timestamp: earliestTimestamp });
    return Number(offsets.get(topic)?.[partition] ?? 0n);
  }

  /** @returns by partition the offset that the next message will have */
  async ends(topic: string): Promise<Map<number, number>> {
    const offsets = await this.#consumer.listOffsets({ topics: [topic], timestamp: latestTimestamp });
    return new Map((offsets.get(topic) ?? []).map((offset, partition) => [partition, Number(offset)]));
  }

  async close(): Promise<void> {
    await this.#consumer.close(true);
  }
}
