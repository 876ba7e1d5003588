import { z } from 'zod';
import {
  branchIdSchema,
  isolationSchema,
  nonceSchema,
  operationNameSchema,
  participantNameSchema,
  transactionIdSchema,
  wireVersionSchema,
} from './names.js';
import { reasonSchema } from './reason.js';

const replyBase = { v: wireVersionSchema, participant: participantNameSchema.describe('Who says it.') };

export const branchResultSchema = z.object({ branchId: branchIdSchema, result: z.unknown() });
export type BranchResult = z.infer<typeof branchResultSchema>;

/**
 * A participant's vote. `prepared` is durable and repeated until a decision is heard (D6). `results` is null where a
 * prepared participant restarted and no longer has them. `read-only` has no second phase. `refused` carries the reason.
 */
export const voteSchema = z.object({
  ...replyBase,
  type: z.literal('vote'),
  transactionId: transactionIdSchema,
  vote: z
    .enum(['prepared', 'read-only', 'refused'])
    .describe('`prepared`: durable, and repeated until the decision is heard. `read-only`: no second phase.'),
  results: z
    .array(branchResultSchema)
    .nullable()
    .describe('What the operations returned; null in a refusal, and where a restart has lost them.'),
  reason: reasonSchema.nullable().describe('Why it refuses; null otherwise.'),
});
export type Vote = z.infer<typeof voteSchema>;

/**
 * The answer to an execute, whose branch id and number it repeats. Exactly one of `result` and `reason` tells; a
 * reason ends the transaction. `nonce` names the session that it ran in.
 */
export const executedSchema = z.object({
  ...replyBase,
  type: z.literal('executed'),
  transactionId: transactionIdSchema,
  branchId: branchIdSchema,
  number: z.int().positive().describe('That of the execute.'),
  nonce: nonceSchema.describe('Names the session that it ran in.'),
  result: z.unknown(),
  reason: reasonSchema.nullable().describe('Why it failed, which ends the transaction; null otherwise.'),
});
export type Executed = z.infer<typeof executedSchema>;

/** Sent only after the finalisation is durable (D7). `hazard`: the participant's state contradicts the decision. */
export const doneSchema = z.object({
  ...replyBase,
  type: z.literal('done'),
  transactionId: transactionIdSchema,
  outcome: z
    .enum(['committed', 'rolled-back', 'hazard'])
    .describe('What is durable here; `hazard`: it contradicts the decision.'),
  detail: z.string().max(2000).nullable().describe('Of a hazard: what was found.'),
});
export type Done = z.infer<typeof doneSchema>;

export const operationDescriptorSchema = z.object({
  name: operationNameSchema,
  readOnly: z.boolean().describe('It promises to write nothing.'),
  inputSchema: z.record(z.string(), z.unknown()).describe('JSON Schema 2020-12 of the input; `{}` accepts anything.'),
  resultSchema: z.record(z.string(), z.unknown()).describe('JSON Schema 2020-12 of the result.'),
});
export type OperationDescriptor = z.infer<typeof operationDescriptorSchema>;

/** What a participant says of itself; the coordinator registers it from this, nobody edits a list. */
export const participantDescriptorSchema = z.object({
  name: participantNameSchema,
  isolation: isolationSchema,
  operations: z.array(operationDescriptorSchema).max(200),
});
export type ParticipantDescriptor = z.infer<typeof participantDescriptorSchema>;

/** One heartbeat tells of at most so many decisions that cannot be carried out, each in so many characters. */
export const TROUBLES_MAX = 20;
export const TROUBLE_LENGTH_MAX = 300;

export const troubleSchema = z.object({
  transactionId: transactionIdSchema,
  message: z.string().max(TROUBLE_LENGTH_MAX),
});
export type Trouble = z.infer<typeof troubleSchema>;

/** Sent every `HEARTBEAT_INTERVAL_MS` by each running instance of a participant. */
export const heartbeatSchema = z.object({
  ...replyBase,
  type: z.literal('heartbeat'),
  instance: z.string().min(1).max(64).describe('Random per process start: tells a restart from a pause.'),
  isolation: isolationSchema,
  operations: z.array(operationDescriptorSchema).max(200),
  preparedCount: z.int().nonnegative().describe('Durably prepared and undecided branches in its database.'),
  oldestPreparedMs: z.int().nonnegative().nullable().describe('Age of the oldest of them in ms; null without any.'),
  foreignPrepared: z
    .int()
    .nonnegative()
    .optional()
    .describe('Prepared transactions with its prefix that are of no transaction; left out where there is none.'),
  troubles: z
    .array(troubleSchema)
    .max(TROUBLES_MAX)
    .optional()
    .describe('Decisions that it could not carry out the last time, the newest first; left out without any.'),
  stopping: z.boolean().describe('True in the last heartbeat of a graceful stop.'),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

export const HEARTBEAT_INTERVAL_MS = 1000;

/** One answer names at most this many branches. */
export const REPORTED_BRANCHES_MAX = 500;

export const reportedBranchSchema = z.object({
  transactionId: transactionIdSchema,
  state: z.enum(['prepared', 'committed', 'aborted']),
  csn: z.int().positive().nullable().describe('Under which number it was committed, where the participant keeps it.'),
});
export type ReportedBranch = z.infer<typeof reportedBranchSchema>;

/** The answer to `report`, whose incarnation, scope and transaction id it repeats. */
export const branchesSchema = z.object({
  ...replyBase,
  type: z.literal('branches'),
  transactionId: transactionIdSchema,
  incarnation: z.int().positive().describe('That of the report: what was told to an earlier one may be true no more.'),
  scope: z.enum(['after', 'one']),
  branches: z.array(reportedBranchSchema).max(REPORTED_BRANCHES_MAX),
  complete: z.boolean().describe('Whether there is none behind these.'),
  horizon: transactionIdSchema
    .nullable()
    .describe('Rows below it are gone once they were finalised; null where none was ever collected.'),
});
export type BranchesReply = z.infer<typeof branchesSchema>;

export const replySchema = z.discriminatedUnion('type', [
  voteSchema,
  executedSchema,
  doneSchema,
  heartbeatSchema,
  branchesSchema,
]);
export type Reply = z.infer<typeof replySchema>;
