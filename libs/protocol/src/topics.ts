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

const DAY_MS = 24 * 60 * 60 * 1000;
const PARTITIONS = 4;

/** Commands are worthless once every branch row knows the outcome; resends replace what retention cuts. */
const commandConfig = { 'retention.ms': String(DAY_MS), 'cleanup.policy': 'delete' };
/** Replies and events feed the audit, which reads back a week. */
const recordConfig = { 'retention.ms': String(7 * DAY_MS), 'cleanup.policy': 'delete' };
const deadLetterConfig = { 'retention.ms': String(30 * DAY_MS), 'cleanup.policy': 'delete' };

/** Topics that exist once per cluster. */
export const CLUSTER_TOPICS: readonly TopicDefinition[] = [
  { name: REPLIES_TOPIC, partitions: PARTITIONS, config: recordConfig },
  { name: EVENTS_TOPIC, partitions: PARTITIONS, config: recordConfig },
  { name: COORDINATOR_DEAD_LETTERS_TOPIC, partitions: 1, config: deadLetterConfig },
];

/** Topics that exist once per participant. */
export function participantTopics(participant: string): readonly TopicDefinition[] {
  return [
    { name: commandsTopic(participant), partitions: PARTITIONS, config: commandConfig },
    { name: deadLettersTopic(participant), partitions: 1, config: deadLetterConfig },
  ];
}
