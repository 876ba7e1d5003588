import {
  CLUSTER_TOPICS,
  type Command,
  commandsTopic,
  EVENTS_TOPIC,
  encodeMessage,
  type OutcomeEvent,
  participantTopics,
} from '@concordat/protocol';
import type { OutgoingMessage, Transport } from '@concordat/transport';
import type { EngineLogger, Messenger } from '../engine/ports.js';
import type { TransactionTracing } from '../engine/tracing.js';

/**
 * The brokers answer a read four times a second, also where there is nothing to read. Shorter than any silence that is
 * suspected: when Kafka goes away, this is noticed first. In ms.
 */
const UNREAD_MS_MAX = 1_500;

/**
 * How long a decision waits for other commands, in ms: its caller has the answer, and the next call often comes at once.
 * One request then carries both, here, at the broker and at each participant. Rows stay locked for this much longer at most.
 */
const DECISION_WAIT_MS = 3;
/** Outcome events have gathered already; they go along with commands. In ms. */
const EVENT_WAIT_MS = 10;

/** Carries commands and outcome events over the transport. */
export class KafkaMessenger implements Messenger {
  /** Whether the replies are being read: before that, an answer could be missed. */
  joined = false;

  /** @param repliesUnreadMs how long ago the replies were last read to their end, in ms */
  constructor(
    private readonly transport: Transport,
    private readonly logger: EngineLogger,
    private readonly tracing: Pick<TransactionTracing, 'headersOf'>,
    private readonly repliesUnreadMs: () => number,
  ) {}

  get hears(): boolean {
    return this.available && this.repliesUnreadMs() <= UNREAD_MS_MAX;
  }

  get available(): boolean {
    return this.joined && this.transport.available;
  }

  send(command: Command, mayWait = false): void {
    const { participant, transactionId, type } = command;
    const value = encodeMessage(command);
    const waitMs = mayWait ? DECISION_WAIT_MS : 0;
    const message = { topic: commandsTopic(participant), key: transactionId, value, waitMs };
    this.#send(message, participant).catch((error: unknown) => {
      // The resend timer of the transaction is the retry; the topic only carries.
      this.logger.debug({ transactionId, participant, type, err: error }, 'a command did not reach Kafka');
    });
  }

  async publish(events: readonly OutcomeEvent[]): Promise<void> {
    await Promise.all(
      events.map((event) => {
        const value = encodeMessage(event);
        const message = { topic: EVENTS_TOPIC, key: event.transactionId, value, waitMs: EVENT_WAIT_MS };
        return this.#send(message);
      }),
    );
  }

  /** As a part of the trace of the transaction that is its key, where that has one. */
  #send(message: OutgoingMessage, participant?: string): Promise<void> {
    const trace = this.tracing.headersOf(message.key, participant);
    return this.transport.send(trace ? { ...message, headers: { ...trace } } : message);
  }

  /** Makes the topics that every replica and participant needs. */
  async ensureClusterTopics(): Promise<void> {
    await this.transport.ensureTopics(
      CLUSTER_TOPICS.map(({ name, partitions, config }) => ({ name, partitions, config })),
    );
  }

  async ensureParticipantTopics(participant: string): Promise<void> {
    await this.transport.ensureTopics(
      participantTopics(participant).map(({ name, partitions, config }) => ({ name, partitions, config })),
    );
  }
}
