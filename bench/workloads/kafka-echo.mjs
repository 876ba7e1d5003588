// Floor: a message to another process and its answer, both through Kafka by the transport that the product uses.
import { createTransport } from '@concordat/transport';

/** About as long as a vote. */
const padding = 'x'.repeat(160);

/** @param {{ brokers: string, client: string | undefined, requests: string, replies: string }} context */
export async function open({ brokers, client, requests, replies }) {
  const transport = createTransport({ brokers: brokers.split(','), client, clientId: replies });
  await transport.connect();
  const waiting = new Map();
  await transport.subscribe({
    topic: replies,
    groupId: replies,
    from: 'end',
    onMessage: ({ key }) => {
      waiting.get(key)?.();
      waiting.delete(key);
    },
  });
  let sequence = 0;
  return {
    once() {
      sequence += 1;
      const key = sequence.toString(36);
      const answered = new Promise((resolve) => waiting.set(key, resolve));
      transport.send({ topic: requests, key, value: JSON.stringify({ v: 1, key, padding }) }).catch(crash);
      return answered;
    },
    close: () => transport.close(),
  };
}

/** A floor that loses messages is none. */
function crash(error) {
  process.send({ event: 'failed', message: `Kafka did not take a message: ${error.message}` });
}
