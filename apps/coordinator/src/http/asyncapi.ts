import {
  CLUSTER_TOPICS,
  COORDINATOR_DEAD_LETTERS_TOPIC,
  commandSchema,
  commandsTopic,
  deadLetterSchema,
  deadLettersTopic,
  EVENTS_TOPIC,
  HEARTBEAT_INTERVAL_MS,
  NAME_PATTERN,
  outcomeEventSchema,
  participantTopics,
  REPLIES_TOPIC,
  replySchema,
} from '@concordat/protocol';
import { SIGNATURE_HEADER } from '@concordat/transport';
import type { z } from 'zod';
import { type JsonSchema, toJsonSchema } from './json-schema.js';
import { WIRE_EXAMPLES } from './reference/wire-examples.js';

const PARTICIPANT = '{participant}';

/** As libs/transport/src/signing makes it. */
const SIGNATURE = {
  type: 'string',
  pattern: '^v1;[a-z0-9_][a-z0-9-]{0,63};[A-Za-z0-9._-]{1,64};[0-9]{1,15};[A-Za-z0-9_-]{43}$',
  description:
    'Where messages are signed: `v1;<owner>;<kid>;<signed at, Unix time in ms>;<HMAC-SHA256 in base64url without padding>`. ' +
    'The HMAC is over `concordat-signature-v1`, owner, kid, time, topic, the length of the key in bytes, and the key, ' +
    'each followed by a line feed, and then the value as sent. See docs/security-kafka.md.',
} as const;

interface Message {
  readonly name: string;
  readonly summary: string;
  readonly schema: z.ZodType;
}

interface Channel {
  readonly address: string;
  readonly description: string;
  /** What the coordinator does with it; a participant does the opposite. */
  readonly action: 'send' | 'receive';
  readonly messages: readonly Message[];
}

const [prepare, execute, commit, rollback, report] = commandSchema.options;
const [vote, executed, done, heartbeat, branches] = replySchema.options;

const deadLetter: Message = {
  name: 'deadLetter',
  summary: 'A message that could not be read or handled, kept whole.',
  schema: deadLetterSchema,
};

const CHANNELS: Readonly<Record<string, Channel>> = {
  commands: {
    address: commandsTopic(PARTICIPANT),
    description: 'To one participant. Any order and any repetition are possible and must be accepted.',
    action: 'send',
    messages: [
      { name: 'prepare', summary: 'Do the work, make it durable, and vote.', schema: prepare },
      { name: 'execute', summary: 'Run one operation at once, at the snapshot; its writes wait.', schema: execute },
      { name: 'commit', summary: 'The transaction is committed: finalise, then say done.', schema: commit },
      { name: 'rollback', summary: 'The transaction is aborted: undo, then say done.', schema: rollback },
      {
        name: 'report',
        summary: 'After a restore: say which branches of earlier incarnations there are, and in which state.',
        schema: report,
      },
    ],
  },
  replies: {
    address: REPLIES_TOPIC,
    description: 'From all participants to every coordinator replica.',
    action: 'receive',
    messages: [
      { name: 'vote', summary: 'Whether the participant can commit; repeated until it hears.', schema: vote },
      { name: 'executed', summary: 'The answer to an execute: its result, or why not.', schema: executed },
      { name: 'done', summary: 'The finalisation is durable.', schema: done },
      {
        name: 'heartbeat',
        summary: `Sent every ${HEARTBEAT_INTERVAL_MS} ms; announces the participant and its operations.`,
        schema: heartbeat,
      },
      { name: 'branches', summary: 'The answer to a report, in pages.', schema: branches },
    ],
  },
  events: {
    address: EVENTS_TOPIC,
    description: 'The public outcome log, at least once: drop what was seen, by transactionId and type.',
    action: 'send',
    messages: [{ name: 'outcome', summary: 'A transaction was decided or completed.', schema: outcomeEventSchema }],
  },
  participantDeadLetters: {
    address: deadLettersTopic(PARTICIPANT),
    description: 'Commands that the participant could not read or handle.',
    action: 'receive',
    messages: [deadLetter],
  },
  coordinatorDeadLetters: {
    address: COORDINATOR_DEAD_LETTERS_TOPIC,
    description: 'Replies that the coordinator could not read.',
    action: 'send',
    messages: [deadLetter],
  },
};

/** The AsyncAPI 3 document of the messages on Kafka, made of the schemas they are decoded by. */
export function asyncApiDocument(version: string): JsonSchema {
  const channels = Object.entries(CHANNELS);
  const messages = new Map(
    channels.flatMap(([, channel]) => channel.messages.map((message) => [message.name, message])),
  );
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Concordat on Kafka',
      version,
      license: { name: 'Apache-2.0' },
      description:
        'What the coordinator and its participants say to each other. JSON in UTF-8, keyed by transaction id; heartbeats by ' +
        "the participant's name.",
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(channels.map(([id, channel]) => [id, channelObject(channel)])),
    operations: Object.fromEntries(channels.map(([id, channel]) => operationEntry(id, channel))),
    components: {
      messages: Object.fromEntries([...messages.values()].map((message) => [message.name, messageObject(message)])),
    },
  };
}

const channelObject = (channel: Channel): JsonSchema => ({
  address: channel.address,
  description: channel.description,
  ...(channel.address.includes(PARTICIPANT)
    ? { parameters: { participant: { description: `Name of the participant, ${NAME_PATTERN.source}` } } }
    : {}),
  messages: Object.fromEntries(
    channel.messages.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }] as const),
  ),
  bindings: { kafka: topicBinding(channel.address) },
});

/** How the coordinator creates the topic. */
function topicBinding(address: string): JsonSchema {
  const topic = [...CLUSTER_TOPICS, ...participantTopics(PARTICIPANT)].find(({ name }) => name === address);
  if (!topic) throw new Error(`nobody creates the topic ${address}`);
  const { 'cleanup.policy': policy, ...config } = topic.config;
  const numbers = Object.entries(config).map(([name, value]) => [name, Number(value)]);
  return {
    partitions: topic.partitions,
    topicConfiguration: { 'cleanup.policy': [policy], ...Object.fromEntries(numbers) },
    bindingVersion: '0.5.0',
  };
}

const operationEntry = (id: string, { action, description, messages }: Channel): [string, JsonSchema] => [
  `${action}${id.charAt(0).toUpperCase()}${id.slice(1)}`,
  {
    action,
    description,
    channel: { $ref: `#/channels/${id}` },
    messages: messages.map(({ name }) => ({ $ref: `#/channels/${id}/messages/${name}` })),
  },
];

function messageObject({ name, summary, schema }: Message): JsonSchema {
  const { $schema: _, ...payload } = toJsonSchema(schema, 'draft-07');
  const properties = payload.properties as Record<string, unknown>;
  return {
    name,
    summary,
    contentType: 'application/json',
    headers: {
      type: 'object',
      properties: {
        traceparent: {
          type: 'string',
          description: 'W3C trace context, optional; a reply carries that of its command on.',
        },
        tracestate: { type: 'string', description: 'Belongs to traceparent.' },
        ...(name === deadLetter.name ? {} : { [SIGNATURE_HEADER]: SIGNATURE }),
      },
    },
    ...('transactionId' in properties ? { correlationId: { location: '$message.payload#/transactionId' } } : {}),
    payload,
    examples: [{ payload: WIRE_EXAMPLES[name] }],
    bindings: { kafka: { key: { type: 'string' }, bindingVersion: '0.5.0' } },
  };
}
