import type { IncomingMessage, OutgoingMessage, SubscribeOptions, Subscription, Transport } from '@concordat/transport';

/** A broker in memory that keeps what is sent. Only for tests whose subject is not the broker. */
export class MemoryTransport implements Transport {
  readonly sent: OutgoingMessage[] = [];
  readonly statistics = { messagesSent: 0, messagesFailed: 0, batchesSent: 0, messagesReceived: 0, bytesSent: 0 };
  available = true;
  #offset = 0;

  async connect(): Promise<void> {}
  async ensureTopics(): Promise<void> {}
  onAvailability(): void {}
  async close(): Promise<void> {}

  async send(message: OutgoingMessage): Promise<void> {
    if (!this.available) throw new Error('the broker is away');
    this.sent.push(message);
  }

  async subscribe(_options: SubscribeOptions): Promise<Subscription> {
    return { close: async () => {}, reading: () => ({ topic: '', outstanding: 0, lag: new Map() }) };
  }

  reading(): [] {
    return [];
  }

  /** A message as a subscription would deliver it. */
  incoming(topic: string, key: string, value: string | Buffer): IncomingMessage {
    this.#offset += 1;
    const offset = String(this.#offset);
    return { topic, partition: 0, offset, key, value: Buffer.from(value), headers: {}, timestampMs: Date.now() };
  }
}
