import type { KafkaSecurity } from './security.js';
import type { MessageSigning } from './signing/message-signing.js';

/** Where a transport reports what a person may want to know. */
export interface TransportLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Which client library carries the messages. */
export type TransportClient = 'kafkajs' | 'platformatic';

/** How to make a transport. */
export interface TransportOptions {
  /** Addresses as `host:port`. */
  brokers: string[];
  /** Names the process in the broker's logs. */
  clientId: string;
  /** By default `platformatic` (docs/decisions/0002-kafka-client.md). */
  client?: TransportClient;
  /**
   * Names this process among those of its groups, and stays the same when it is restarted: it then gets its partitions
   * back at once instead of after the session timeout. By default the client id. Two processes that share it are
   * noticed, and one of them goes on without it.
   */
  instanceId?: string;
  /** Bound on messages waiting to be sent. By default 50,000. */
  queueMessagesMax?: number;
  /** Bound on bytes of keys and values waiting to be sent. By default 64 MiB. */
  queueBytesMax?: number;
  /** How long a send may take, waiting in the queue and retries included. By default 10,000. */
  sendTimeoutMs?: number;
  /** How long the broker waits for a dead member of a group before it gives its partitions to others. By default 6,000. */
  sessionTimeoutMs?: number;
  /** How the broker knows us and we it. By default neither is asked: for a broker that only friends can reach. */
  security?: KafkaSecurity;
  /** With it messages are signed and verified. */
  signing?: MessageSigning;
  logger?: TransportLogger;
}

type Unset = 'security' | 'signing';
/** The options with every default filled in. */
export type TransportSettings = Required<Omit<TransportOptions, Unset>> & Pick<TransportOptions, Unset>;

const silent: TransportLogger = { info: () => {}, warn: () => {}, error: () => {} };

export function withDefaults(options: TransportOptions): TransportSettings {
  return {
    client: 'platformatic',
    instanceId: options.clientId,
    queueMessagesMax: 50_000,
    queueBytesMax: 64 * 1024 * 1024,
    sendTimeoutMs: 10_000,
    sessionTimeoutMs: 6_000,
    logger: silent,
    ...definedOnly(options),
  };
}

/** An option that is given as undefined counts as not given. */
function definedOnly(options: TransportOptions): TransportOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}
