/** Kafka topics (design §4). */
export const REPLIES_TOPIC = 'concordat.replies';
export const EVENTS_TOPIC = 'concordat.events';

export const commandsTopic = (participant: string): string => `concordat.commands.${participant}`;
export const deadLettersTopic = (participant: string): string => `concordat.dead-letters.${participant}`;

/** Where the coordinator puts messages from the replies topic that it cannot read. No participant can have this name. */
export const COORDINATOR_DEAD_LETTERS_TOPIC = 'concordat.dead-letters._coordinator';

export interface TopicDefinition {
  readonly name: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const PARTITIONS = 4;

/** Kafka drops whole segments, and a broker's own 1 GiB or a week per segment would keep far more than is said here. */
const SEGMENT_BYTES = 128 * 1024 * 1024;
const SEGMENTS_PER_RETENTION = 6;
/** What stray messages may take up on each partition, whoever sends them. */
const DEAD_LETTER_BYTES_MAX = 1024 * 1024 * 1024;

const kept = (retentionMs: number) => ({
  'cleanup.policy': 'delete',
  'retention.ms': String(retentionMs),
  'segment.bytes': String(SEGMENT_BYTES),
  'segment.ms': String(retentionMs / SEGMENTS_PER_RETENTION),
});

/** Commands are worthless once every branch row knows the outcome; resends replace what retention cuts. */
const commandConfig = kept(HOUR_MS);
/** As long as a coordinator keeps finished transactions, for audits. */
const replyConfig = kept(DAY_MS);
/** Outcomes are public: whoever reads them may be away for some days. */
const eventConfig = kept(7 * DAY_MS);
const deadLetterConfig = { ...kept(30 * DAY_MS), 'retention.bytes': String(DEAD_LETTER_BYTES_MAX) };

/** Topics that exist once per cluster. */
export const CLUSTER_TOPICS: readonly TopicDefinition[] = [
  { name: REPLIES_TOPIC, partitions: PARTITIONS, config: replyConfig },
  { name: EVENTS_TOPIC, partitions: PARTITIONS, config: eventConfig },
  { name: COORDINATOR_DEAD_LETTERS_TOPIC, partitions: 1, config: deadLetterConfig },
];

/** Topics that exist once per participant. */
export function participantTopics(participant: string): readonly TopicDefinition[] {
  return [
    { name: commandsTopic(participant), partitions: PARTITIONS, config: commandConfig },
    { name: deadLettersTopic(participant), partitions: 1, config: deadLetterConfig },
  ];
}
