export { assertNever } from './assert-never.js';
export {
  type Decoded,
  decodeCommand,
  decodeDeadLetter,
  decodeEvent,
  decodeReply,
  encodeMessage,
  MESSAGE_BYTES_MAX,
} from './codec.js';
export {
  type Command,
  type CommitCommand,
  commandSchema,
  type OperationCall,
  type PrepareCommand,
  type RollbackCommand,
} from './commands.js';
export { ConcordatError, ERRORS, type ErrorCode, type ErrorDefinition, type ErrorDetails } from './errors.js';
export { type DeadLetter, deadLetterSchema, type OutcomeEvent, outcomeEventSchema } from './events.js';
export {
  branchIdSchema,
  type Isolation,
  isolationSchema,
  NAME_PATTERN,
  operationNameSchema,
  participantNameSchema,
  transactionIdSchema,
  WIRE_VERSION,
} from './names.js';
export { isNestedTooDeeply, JSON_DEPTH_MAX } from './nesting.js';
export { ABORT_REASONS, type AbortReasonCode, type Reason, reasonSchema } from './reason.js';
export {
  type BranchResult,
  type Done,
  HEARTBEAT_INTERVAL_MS,
  type Heartbeat,
  type OperationDescriptor,
  type ParticipantDescriptor,
  participantDescriptorSchema,
  type Reply,
  replySchema,
  type Vote,
} from './replies.js';
export {
  CLUSTER_TOPICS,
  COORDINATOR_DEAD_LETTERS_TOPIC,
  commandsTopic,
  deadLettersTopic,
  EVENTS_TOPIC,
  participantTopics,
  REPLIES_TOPIC,
  type TopicDefinition,
} from './topics.js';
export {
  compareTransactionIds,
  formatTransactionId,
  isBelow,
  parseTransactionId,
  TRANSACTION_ID_PATTERN,
  type TransactionIdParts,
} from './transaction-id.js';
