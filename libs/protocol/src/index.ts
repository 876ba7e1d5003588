export { assertNever } from './assert-never.js';
export {
  type Decoded,
  decodeCommand,
  decodeDeadLetter,
  decodeEvent,
  decodeReply,
  encodeMessage,
  MESSAGE_BYTES_MAX,
  SENT_MESSAGE_BYTES_MAX,
} from './codec.js';
export {
  type BranchCommand,
  type Command,
  type CommitCommand,
  commandSchema,
  type ExecuteCommand,
  type OperationCall,
  type PrepareCommand,
  type ReportCommand,
  type RollbackCommand,
  type SessionMark,
} from './commands.js';
export { ConcordatError, ERRORS, type ErrorCode, type ErrorDefinition, type ErrorDetails } from './errors.js';
export { type DeadLetter, deadLetterSchema, type OutcomeEvent, outcomeEventSchema } from './events.js';
export {
  branchIdSchema,
  csnSchema,
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
  type BranchesReply,
  type BranchResult,
  type Done,
  type Executed,
  HEARTBEAT_INTERVAL_MS,
  type Heartbeat,
  type OperationDescriptor,
  type ParticipantDescriptor,
  participantDescriptorSchema,
  REPORTED_BRANCHES_MAX,
  type Reply,
  type ReportedBranch,
  replySchema,
  TROUBLE_LENGTH_MAX,
  TROUBLES_MAX,
  type Trouble,
  type Vote,
} from './replies.js';
export {
  STATUSES_MAX,
  type StatusAnswer,
  type StatusesAnswer,
  type StatusesRequest,
  statusesAnswerSchema,
  statusesRequestSchema,
} from './statuses.js';
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
  parseTraceparent,
  readTraceHeaders,
  type SpanReference,
  type TraceHeaders,
  traceHeadersOf,
} from './trace-context.js';
export {
  compareTransactionIds,
  formatTransactionId,
  isBelow,
  LOWEST_TRANSACTION_ID,
  parseTransactionId,
  TRANSACTION_ID_PATTERN,
  type TransactionIdParts,
} from './transaction-id.js';
