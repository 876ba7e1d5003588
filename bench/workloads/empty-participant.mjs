// A participant with no work and no database: it speaks the wire protocol and does nothing else. What a transaction
// costs with two of these is what Concordat itself costs.
import { randomUUID } from 'node:crypto';
import {
  CLUSTER_TOPICS,
  commandsTopic,
  decodeCommand,
  encodeMessage,
  HEARTBEAT_INTERVAL_MS,
  participantTopics,
  REPLIES_TOPIC,
  WIRE_VERSION,
} from '@concordat/protocol';
import { createTransport } from '@concordat/transport';

const operations = [{ name: 'nothing', readOnly: false, inputSchema: {}, resultSchema: {} }];

/** @param {{ brokers: string, client: string | undefined, name: string }} context */
export async function open({ brokers, client, name }) {
  const transport = createTransport({ brokers: brokers.split(','), client, clientId: name });
  await transport.connect();
  await transport.ensureTopics([...CLUSTER_TOPICS, ...participantTopics(name)]);
  const base = { v: WIRE_VERSION, participant: name };
  const reply = (key, message) =>
    transport.send({ topic: REPLIES_TOPIC, key, value: encodeMessage({ ...base, ...message }) });

  await transport.subscribe({
    topic: commandsTopic(name),
    groupId: `concordat-participant-${name}`,
    from: 'committed',
    onMessage: ({ value }) => {
      const decoded = decodeCommand(value);
      if (!decoded.ok) throw new Error(decoded.error);
      const { transactionId } = decoded.message;
      return reply(transactionId, { transactionId, ...answerTo(decoded.message) });
    },
    onError: (error) => console.error(name, error),
  });

  const instance = randomUUID();
  const heartbeat = (stopping) =>
    reply(name, {
      type: 'heartbeat',
      instance,
      isolation: 'local',
      operations,
      preparedCount: 0,
      oldestPreparedMs: null,
      stopping,
    }).catch((error) => console.error(name, error.message));
  await heartbeat(false);
  const timer = setInterval(() => heartbeat(false), HEARTBEAT_INTERVAL_MS);
  return {
    async close() {
      clearInterval(timer);
      await heartbeat(true);
      await transport.close();
    },
  };
}

function answerTo(command) {
  switch (command.type) {
    case 'prepare': {
      const results = command.operations.map(({ branchId }) => ({ branchId, result: null }));
      return { type: 'vote', vote: 'prepared', results, reason: null };
    }
    case 'commit':
      return { type: 'done', outcome: 'committed', detail: null };
    case 'rollback':
      return { type: 'done', outcome: 'rolled-back', detail: null };
    default:
      throw new Error(`unknown command ${command.type}`);
  }
}
