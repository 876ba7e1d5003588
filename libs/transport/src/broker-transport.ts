/**
 * The transport over some link: batches what is sent, watches whether the broker can be reached, and closes everything
 * in the right order.
 */
import { Availability } from './availability.js';
import { Batcher } from './batcher.js';
import type { Link, LinkContext } from './link.js';
import type { TransportSettings } from './options.js';
import type {
  OutgoingMessage,
  ReadingState,
  SubscribeOptions,
  Subscription,
  TopicSpec,
  Transport,
} from './transport.js';
import { TransportError } from './transport-error.js';

/** The broker is asked whether it lives when nothing was heard of it for this long. */
const silenceMaxMs = 1_000;
const connectTimeoutMs = 30_000;
const retryDelayMs = 250;

export class BrokerTransport implements Transport {
  readonly statistics = { messagesSent: 0, messagesFailed: 0, batchesSent: 0, messagesReceived: 0, bytesSent: 0 };
  readonly #settings: TransportSettings;
  readonly #link: Link;
  readonly #batcher: Batcher;
  readonly #availability = new Availability();
  readonly #subscriptions = new Set<Subscription>();
  #heardAtMs = 0;
  #watch: NodeJS.Timeout | undefined;
  #probing: Promise<void> | undefined;
  #closed = false;

  constructor(settings: TransportSettings, createLink: (context: LinkContext) => Link) {
    this.#settings = settings;
    this.#link = createLink({
      settings,
      statistics: this.statistics,
      onAlive: () => this.#heard(),
      onTrouble: (error) => this.#suspect(error),
    });
    const { queueMessagesMax, queueBytesMax, sendTimeoutMs } = settings;
    const deliver = (batch: readonly OutgoingMessage[]) => this.#deliver(batch);
    const onFailed = () => {
      this.statistics.messagesFailed += 1;
    };
    this.#batcher = new Batcher({ deliver, onFailed, queueMessagesMax, queueBytesMax, sendTimeoutMs });
  }

  get available(): boolean {
    return this.#availability.available;
  }

  onAvailability(listener: (available: boolean) => void): void {
    this.#availability.onChange(listener);
  }

  async connect(): Promise<void> {
    await this.#retry(() => this.#link.probe());
    this.#heard();
    this.#watch ??= setInterval(() => this.#probeIfSilent(), silenceMaxMs / 2);
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.#retry(() => this.#link.createTopics(topics));
  }

  send(message: OutgoingMessage): Promise<void> {
    return this.#batcher.send(message);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    this.#assertOpen();
    const subscription = await this.#link.subscribe(options);
    const tracked: Subscription = {
      reading: () => subscription.reading(),
      close: () => {
        this.#subscriptions.delete(tracked);
        return subscription.close();
      },
    };
    this.#subscriptions.add(tracked);
    return tracked;
  }

  reading(): ReadingState[] {
    return [...this.#subscriptions].map((subscription) => subscription.reading());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Handlers that still run may send; their messages are taken until they have ended.
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    await this.#batcher.close();
    clearInterval(this.#watch);
    await this.#probing;
    await this.#link.close();
    this.#availability.set(false);
  }

  async #deliver(batch: readonly OutgoingMessage[]): Promise<void> {
    try {
      await this.#link.deliver(batch);
    } catch (error) {
      if (error instanceof TransportError && error.code === 'transport-unavailable') this.#suspect(error);
      throw error;
    }
    this.#heard();
    this.statistics.batchesSent += 1;
    this.statistics.messagesSent += batch.length;
    for (const { key, value } of batch) this.statistics.bytesSent += key.length + value.length;
  }

  #heard(): void {
    this.#heardAtMs = performance.now();
    if (this.#availability.available || this.#closed) return;
    this.#settings.logger.info({ brokers: this.#settings.brokers }, 'The broker can be reached.');
    this.#availability.set(true);
  }

  /** Something failed: find out at once whether the broker is there at all. While it is known not to be, say no more. */
  #suspect(error: unknown): void {
    if (this.#closed) return;
    if (this.#availability.available) this.#settings.logger.warn({ error }, 'A request to the broker failed.');
    this.#probe();
  }

  #probeIfSilent(): void {
    if (performance.now() - this.#heardAtMs > silenceMaxMs) this.#probe();
  }

  #probe(): void {
    if (this.#closed) return;
    this.#probing ??= this.#link
      .probe()
      .then(
        () => this.#heard(),
        (error: unknown) => this.#lost(error),
      )
      .finally(() => {
        this.#probing = undefined;
      });
  }

  #lost(error: unknown): void {
    if (!this.#availability.available) return;
    this.#settings.logger.error({ error, brokers: this.#settings.brokers }, 'The broker cannot be reached.');
    this.#availability.set(false);
  }

  async #retry(attempt: () => Promise<void>): Promise<void> {
    const deadlineMs = performance.now() + connectTimeoutMs;
    for (;;) {
      this.#assertOpen();
      try {
        return await attempt();
      } catch (cause) {
        if (cause instanceof TransportError && !cause.retryable) throw cause;
        if (performance.now() > deadlineMs) {
          const text = `The broker at ${this.#settings.brokers.join(', ')} could not be reached.`;
          throw new TransportError('transport-unavailable', text, { cause });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs));
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new TransportError('transport-closed', 'The transport is closed.');
  }
}
