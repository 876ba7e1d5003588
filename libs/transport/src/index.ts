export { createTransport } from './create-transport.js';
export type { TransportClient, TransportLogger, TransportOptions } from './options.js';
export type {
  IncomingMessage,
  OutgoingMessage,
  SubscribeOptions,
  Subscription,
  TopicSpec,
  Transport,
  TransportStatistics,
} from './transport.js';
export { TransportError, type TransportErrorCode } from './transport-error.js';
