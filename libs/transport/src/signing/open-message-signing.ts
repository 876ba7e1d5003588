import { WatchedFiles } from '../files/watched-files.js';
import type { TransportLogger } from '../options.js';
import { MessageKeys } from './message-keys.js';
import { MessageSigning, type MessageSigningOptions } from './message-signing.js';

interface FileOptions extends Pick<MessageSigningOptions, 'ownerOf' | 'mode'> {
  /** Of the keys; read again when it changes. */
  readonly file: string;
  readonly logger: TransportLogger;
  readonly reloadIntervalMs?: number;
}

/**
 * Signing with the keys of a file. A new content that cannot be used is reported, and the keys before stay in force.
 * @throws Error, MessageKeysError when the file cannot be read or used at the start
 */
export function openMessageSigning(options: FileOptions): MessageSigning {
  const { file, logger, ownerOf, mode, reloadIntervalMs } = options;
  const files = new WatchedFiles({
    paths: [file],
    parse: ([content]) => MessageKeys.parse(String(content)),
    onChange: ({ owners }) => logger.info({ file, owners }, 'the message keys were read again'),
    onError: (error) => logger.error({ file, err: error }, 'the new message keys cannot be used; the old ones stay'),
    ...(reloadIntervalMs === undefined ? {} : { reloadIntervalMs }),
  });
  if (mode === 'migrate') logger.warn({ file }, 'unsigned messages are accepted: MESSAGE_KEYS_MODE is migrate');
  return new MessageSigning({ keys: () => files.value, ownerOf, mode, now: Date.now, close: () => files.close() });
}
