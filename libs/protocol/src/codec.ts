import type { z } from 'zod';
import { type Command, commandSchema } from './commands.js';
import { type DeadLetter, deadLetterSchema, type OutcomeEvent, outcomeEventSchema } from './events.js';
import { isNestedTooDeeply, JSON_DEPTH_MAX } from './nesting.js';
import { type Reply, replySchema } from './replies.js';

/** No message on the wire is larger; larger ones are refused unread. */
export const MESSAGE_BYTES_MAX = 1024 * 1024;
/** No message is sent that is larger: with its key and headers it fits into what a transport hands to Kafka at once. */
export const SENT_MESSAGE_BYTES_MAX = 850 * 1024;

/** What decoding gives: never an exception, since no message is trusted because it came from Kafka. */
export type Decoded<T> = { readonly ok: true; readonly message: T } | { readonly ok: false; readonly error: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeWith<T>(schema: z.ZodType<T>, value: Uint8Array): Decoded<T> {
  if (value.byteLength > MESSAGE_BYTES_MAX) return { ok: false, error: `larger than ${MESSAGE_BYTES_MAX} bytes` };
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(value));
  } catch (error) {
    return { ok: false, error: `not JSON: ${(error as Error).message}`.slice(0, 500) };
  }
  if (isNestedTooDeeply(json)) return { ok: false, error: `nested deeper than ${JSON_DEPTH_MAX}` };
  const parsed = schema.safeParse(json);
  if (parsed.success) return { ok: true, message: parsed.data };
  const issues = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'message'}: ${issue.message}`);
  return { ok: false, error: issues.join('; ').slice(0, 1000) };
}

export const decodeCommand = (value: Uint8Array): Decoded<Command> => decodeWith(commandSchema, value);
export const decodeReply = (value: Uint8Array): Decoded<Reply> => decodeWith(replySchema, value);
export const decodeEvent = (value: Uint8Array): Decoded<OutcomeEvent> => decodeWith(outcomeEventSchema, value);
export const decodeDeadLetter = (value: Uint8Array): Decoded<DeadLetter> => decodeWith(deadLetterSchema, value);

/** Encodes any of the messages above; the types are the check. */
export const encodeMessage = (message: Command | Reply | OutcomeEvent | DeadLetter): string => JSON.stringify(message);
