import { commandsTopic, REPLIES_TOPIC } from '@concordat/protocol';
import type { TopicOwners } from '@concordat/transport';

/**
 * Whose keys the topics of a participant go by: its own, which only the coordinator has too. So a command that they fit
 * comes from the coordinator, and is for this participant: the signature names the topic.
 */
export const ownerOfTopic = (participant: string): TopicOwners => {
  const commands = commandsTopic(participant);
  return (topic) => (topic === commands || topic === REPLIES_TOPIC ? participant : undefined);
};
