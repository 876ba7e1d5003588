/** The AsyncAPI document for people. */
import type { JsonSchema } from '../json-schema.js';
import { type Block, heading, jsonCode, table, text, toHtml, toMarkdown } from './blocks.js';
import { FIELD_HEAD, fieldRows } from './fields.js';

interface Channel {
  readonly address: string;
  readonly description: string;
  readonly messages: Readonly<Record<string, unknown>>;
  readonly bindings: { readonly kafka: { readonly partitions: number; readonly topicConfiguration: JsonSchema } };
}

interface Message {
  readonly name: string;
  readonly summary: string;
  readonly payload: JsonSchema;
  readonly headers: { readonly properties: Readonly<Record<string, JsonSchema>> };
  readonly examples: readonly { readonly payload: unknown }[];
}

interface Document {
  readonly info: { readonly description: string };
  readonly channels: Readonly<Record<string, Channel>>;
  readonly operations: Readonly<
    Record<string, { readonly action: string; readonly channel: { readonly $ref: string } }>
  >;
  readonly components: { readonly messages: Readonly<Record<string, Message>> };
}

const HOUR_MS = 3_600_000;
const TITLE = 'Messages on Kafka';

export const kafkaMarkdown = (document: JsonSchema): string =>
  toMarkdown(
    kafkaBlocks(
      document,
      'This page is made of the AsyncAPI document by `scripts/generate.mjs`; a running coordinator shows it at `/docs/kafka`, and ' +
        'serves the document itself at `/asyncapi.json`. What a participant promises beside the schemas is in ' +
        '[wire-protocol.md](wire-protocol.md), signatures are in [security-kafka.md](security-kafka.md).',
    ),
  );

export const kafkaHtml = (document: JsonSchema): string =>
  toHtml(
    `Concordat: ${TITLE}`,
    kafkaBlocks(
      document,
      'For programs: [/asyncapi.json](/asyncapi.json). Over HTTP: [/docs](/docs), [/docs/errors](/docs/errors).',
    ),
  );

function kafkaBlocks(document: JsonSchema, about: string): Block[] {
  const { info, channels, operations, components } = document as unknown as Document;
  const told = new Set<string>();
  const headers = Object.values(components.messages)[0]?.headers.properties ?? {};
  return [
    heading(1, TITLE),
    text(info.description),
    text(about),
    heading(2, 'Headers'),
    ...table(
      ['header', 'meaning'],
      Object.entries(headers).map(([name, { description }]) => [`\`${name}\``, String(description)]),
    ),
    ...Object.entries(channels).flatMap(([id, channel]) => {
      const operation = Object.values(operations).find(({ channel: { $ref } }) => $ref === `#/channels/${id}`);
      return channelBlocks(channel, operation?.action === 'send', components.messages, told);
    }),
  ];
}

function channelBlocks(
  { address, description, messages, bindings }: Channel,
  isSent: boolean,
  known: Readonly<Record<string, Message>>,
  told: Set<string>,
): Block[] {
  const { partitions, topicConfiguration } = bindings.kafka;
  const hours = Number(topicConfiguration['retention.ms']) / HOUR_MS;
  const kept = hours % 24 === 0 ? `${hours / 24} d` : `${hours} h`;
  const names = Object.keys(messages);
  const repeated = names.filter((name) => told.has(name));
  for (const name of names) told.add(name);
  return [
    heading(2, address),
    text(description),
    text(`Written by ${isSent ? 'the coordinator' : 'participants'}. Partitions: ${partitions}. Kept for ${kept}.`),
    ...repeated.map((name) => text(`Its messages: [${name}](#${name.toLowerCase()}), as above.`)),
    ...names.filter((name) => !repeated.includes(name)).flatMap((name) => messageBlocks(known[name] as Message)),
  ];
}

const messageBlocks = ({ name, summary, payload, examples }: Message): Block[] => [
  heading(3, name),
  text(summary),
  ...table(FIELD_HEAD, fieldRows(payload)),
  ...examples.map((example) => jsonCode(example.payload)),
];
