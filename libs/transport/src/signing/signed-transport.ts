/**
 * A transport whose messages are signed, over any other. A message that is not to be believed never reaches its
 * handler: `onError` is told, with a `SignatureError`, and the message counts as handled.
 */
import type {
  OutgoingMessage,
  ReadingState,
  SubscribeOptions,
  Subscription,
  TopicSpec,
  Transport,
  TransportStatistics,
} from '../transport.js';
import type { MessageSigning } from './message-signing.js';

export class SignedTransport implements Transport {
  constructor(
    private readonly inner: Transport,
    private readonly signing: MessageSigning,
  ) {}

  get available(): boolean {
    return this.inner.available;
  }

  get statistics(): Readonly<TransportStatistics> {
    const { unsigned, refused } = this.signing;
    return { ...this.inner.statistics, messagesUnsigned: unsigned, messagesRefused: refused };
  }

  reading(): ReadingState[] {
    return this.inner.reading();
  }

  connect(): Promise<void> {
    return this.inner.connect();
  }

  ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.inner.ensureTopics(topics);
  }

  async send(message: OutgoingMessage): Promise<void> {
    return this.inner.send(this.signing.sign(message));
  }

  subscribe(options: SubscribeOptions): Promise<Subscription> {
    return this.inner.subscribe({
      ...options,
      onMessage: (message) => {
        this.signing.verify(message);
        return options.onMessage(message);
      },
    });
  }

  onAvailability(listener: (available: boolean) => void): void {
    this.inner.onAvailability(listener);
  }

  async close(): Promise<void> {
    await this.inner.close();
    this.signing.close();
  }
}
