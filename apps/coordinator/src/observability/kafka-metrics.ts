import type { ReadingState, Transport } from '@concordat/transport';
import type { MetricsRegistry } from './metrics-registry.js';

/** What goes to Kafka and comes from there, and how far behind this replica reads. */
export function exposeKafka(registry: MetricsRegistry, { transport }: { readonly transport: Transport }): void {
  registry.gauge('concordat_kafka_available', 'Whether Kafka answers.', () => (transport.available ? 1 : 0));
  const counters = {
    concordat_kafka_messages_sent_total: ['Messages sent to Kafka.', () => transport.statistics.messagesSent],
    concordat_kafka_batches_sent_total: ['Produce requests to Kafka.', () => transport.statistics.batchesSent],
    concordat_kafka_send_failures_total: [
      'Messages that Kafka did not take in time, or refused. Commands are sent again.',
      () => transport.statistics.messagesFailed,
    ],
    concordat_kafka_messages_received_total: [
      'Messages received from Kafka.',
      () => transport.statistics.messagesReceived,
    ],
    concordat_messages_refused_total: [
      'Messages whose signature was missing or wrong. Alert on any.',
      () => transport.statistics.messagesRefused ?? 0,
    ],
    concordat_messages_unsigned_total: [
      'Messages accepted unsigned, while MESSAGE_KEYS_MODE is migrate.',
      () => transport.statistics.messagesUnsigned ?? 0,
    ],
  } as const;
  for (const [name, [help, read]] of Object.entries(counters)) registry.counterFrom(name, help, read);
  registry.table(
    'concordat_kafka_lag_messages',
    'Messages between what this replica has read of a partition and its end, as Kafka last named it.',
    ['topic', 'partition'],
    () => transport.reading().flatMap(lags),
  );
  registry.gauges(
    'concordat_kafka_outstanding_messages',
    'Messages that were read and are being handled, or wait for their turn.',
    'topic',
    () => transport.reading().map(({ topic, outstanding }) => [topic, outstanding]),
  );
}

const lags = ({ topic, lag }: ReadingState) =>
  [...lag].map(([partition, messages]) => [[topic, partition], messages] as const);
