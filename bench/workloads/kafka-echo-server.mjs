// The other end of the Kafka floor: answers every message on another topic.
import { createTransport } from '@concordat/transport';

/** @param {{ brokers: string, client: string | undefined, requests: string, replies: string }} context */
export async function open({ brokers, client, requests, replies }) {
  const transport = createTransport({ brokers: brokers.split(','), client, clientId: requests });
  await transport.connect();
  await transport.ensureTopics([requests, replies].map((name) => ({ name, partitions: 4 })));
  await transport.subscribe({
    topic: requests,
    groupId: requests,
    from: 'committed',
    onMessage: ({ key, value }) => transport.send({ topic: replies, key, value: value.toString() }),
  });
  return { close: () => transport.close() };
}
