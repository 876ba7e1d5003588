import { commandsTopic, EVENTS_TOPIC, REPLIES_TOPIC } from '@concordat/protocol';
import {
  ANY_OWNER,
  type MessageKeys,
  SIGNATURE_HEADER,
  type SignedParts,
  type Signer,
  type TopicOwners,
  verifySignature,
} from '@concordat/transport';

/** Who shares the key of the outcome log with the coordinator: its readers. No participant can have this name. */
const EVENTS_OWNER = '_events';

const COMMANDS_PREFIX = commandsTopic('');

/**
 * Whose keys the coordinator's topics go by: commands by those of the participant they are for, replies by those of
 * whoever wrote them, events by those of their readers where there are any. Dead letters are believed by nobody.
 */
export const ownerOfTopic: TopicOwners = (topic, keys) => {
  if (topic === REPLIES_TOPIC) return ANY_OWNER;
  if (topic === EVENTS_TOPIC) return keys.signingKeyOf(EVENTS_OWNER) ? EVENTS_OWNER : undefined;
  return topic.startsWith(COMMANDS_PREFIX) ? topic.slice(COMMANDS_PREFIX.length) : undefined;
};

/** What whoever reads a topic past the transport, as an audit does, has of a message. */
export interface TopicRecord extends SignedParts {
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Whether a record of `concordat.replies`, `concordat.events` or a topic of commands is what its author wrote. With the
 * coordinator's keys; whom the value names is to be compared with the signer by the caller.
 * @returns the signer; undefined where the topic is not signed
 * @throws SignatureError
 */
export function verifyRecord(record: TopicRecord, keys: MessageKeys): Signer | undefined {
  const owner = ownerOfTopic(record.topic, keys);
  if (owner === undefined) return undefined;
  const header = Object.hasOwn(record.headers, SIGNATURE_HEADER) ? record.headers[SIGNATURE_HEADER] : undefined;
  return verifySignature(record, header, keys, (one) => owner === ANY_OWNER || owner === one);
}
