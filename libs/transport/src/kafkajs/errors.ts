import { refusalOf } from '../security.js';
import { TransportError } from '../transport-error.js';

/** Kafka's name for what is wrong, which kafkajs keeps on the error or on its cause. */
export function typeOf(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('type' in current && typeof current.type === 'string') return current.type;
    const nested = (current as { errors?: unknown[] }).errors?.[0];
    if (nested instanceof Error) return typeOf(nested);
  }
  return undefined;
}

export function isUnknownTopic(error: unknown): boolean {
  return typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION';
}

const refusals = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TOPIC_EXCEPTION', 'INVALID_RECORD']);

/** What a failed send means to the caller. */
export function asTransportError(cause: unknown): TransportError {
  const type = typeOf(cause);
  if (isUnknownTopic(cause)) {
    return new TransportError('transport-topic-unknown', 'There is no such topic.', { cause });
  }
  if (type !== undefined && refusals.has(type)) {
    return new TransportError('transport-message-rejected', `The broker refused a batch (${type}).`, { cause });
  }
  if (type === 'TOPIC_AUTHORIZATION_FAILED') {
    return new TransportError('transport-unauthorized', 'The broker does not let us use a topic: see its ACL.', {
      cause,
    });
  }
  const refusal = refusalOf(cause);
  if (refusal !== undefined) return new TransportError('transport-unauthorized', refusal, { cause });
  return new TransportError('transport-unavailable', 'The broker could not be reached.', { cause });
}
