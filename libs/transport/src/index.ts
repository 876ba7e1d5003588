export { createTransport } from './create-transport.js';
export { readTransportEnvironment, type TransportEnvironment, TransportEnvironmentError } from './environment.js';
export { WatchedFiles, type WatchedFilesOptions } from './files/watched-files.js';
export type { TransportClient, TransportLogger, TransportOptions } from './options.js';
export { type PartitionRange, RangeReader, type RangeRecords } from './platformatic/range-reader.js';
export type { KafkaSasl, KafkaSecurity, KafkaTls } from './security.js';
export { type MessageKey, MessageKeys, MessageKeysError } from './signing/message-keys.js';
export {
  ANY_OWNER,
  MessageSigning,
  type MessageSigningOptions,
  type SigningMode,
  type TopicOwners,
} from './signing/message-signing.js';
export { openMessageSigning } from './signing/open-message-signing.js';
export {
  SIGNATURE_HEADER,
  SignatureError,
  type SignatureErrorCode,
  type SignedParts,
  type Signer,
  signatureOf,
  verifySignature,
} from './signing/signature.js';
export { SignedTransport } from './signing/signed-transport.js';
export type {
  IncomingMessage,
  OutgoingMessage,
  ReadingState,
  SubscribeOptions,
  Subscription,
  TopicSpec,
  Transport,
  TransportStatistics,
} from './transport.js';
export { TransportError, type TransportErrorCode } from './transport-error.js';
