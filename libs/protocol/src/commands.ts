import { z } from 'zod';
import {
  branchIdSchema,
  csnSchema,
  isolationSchema,
  nonceSchema,
  operationNameSchema,
  participantNameSchema,
  transactionIdSchema,
  wireVersionSchema,
} from './names.js';

/**
 * Commands travel from the leading coordinator to one participant, keyed by transaction id. Each may arrive in any
 * order and any number of times. `horizon` is H of rule D7; `appliedCsn` serves S2, `watermark` S7.
 */
const commandBase = {
  v: wireVersionSchema,
  transactionId: transactionIdSchema,
  participant: participantNameSchema.describe('To whom it is addressed.'),
  horizon: transactionIdSchema.describe('The oldest transaction that is not forgotten: rows of older ones may go.'),
  appliedCsn: csnSchema
    .optional()
    .describe('Everything up to here is applied at the coordinator: a snapshot at or below it is not of the future.'),
  watermark: csnSchema
    .optional()
    .describe('No snapshot below it is in use any more: versions that only such snapshots need may be collected.'),
};

export const operationCallSchema = z.object({
  branchId: branchIdSchema.describe('Number of the branch within its transaction.'),
  operation: operationNameSchema,
  input: z.unknown().describe("What the caller sent; it matches the operation's inputSchema."),
});
export type OperationCall = z.infer<typeof operationCallSchema>;

/** What the coordinator knows of a session: its nonce, and how many executes of it were answered. */
export const sessionMarkSchema = z.object({
  nonce: nonceSchema,
  executed: z.int().positive().describe('How many executes of it were answered.'),
});
export type SessionMark = z.infer<typeof sessionMarkSchema>;

/**
 * One prepare per participant carries all its operations in order; those that were executed at once are not repeated,
 * `session` names them instead, and a participant that no longer has that very session votes no. `remainingMs`: time
 * left until the deadline, at sending. `snapshot`: every global participant works at it; a local one has no use for it.
 */
export const prepareSchema = z.object({
  ...commandBase,
  type: z.literal('prepare'),
  isolation: isolationSchema,
  serializable: z.boolean(),
  snapshot: csnSchema.nullable().describe('What global participants read at; of no use to a local one.'),
  remainingMs: z.int().nonnegative().describe('Time left until the deadline, in ms, when it was sent.'),
  session: sessionMarkSchema
    .optional()
    .describe('Where operations ran at once before: the session that they ran in. Who no longer has it votes no.'),
  operations: z.array(operationCallSchema).max(1000).describe('In the order to run them; empty only beside a session.'),
});
export type PrepareCommand = z.infer<typeof prepareSchema>;

/**
 * Runs one operation at once, at the snapshot of the transaction; its writes wait for the prepare. The executes of one
 * transaction at one participant are numbered 1, 2, …, one is under way at a time. `nonce` is that of the session that
 * answered number 1, null in number 1 itself.
 */
export const executeSchema = z.object({
  ...commandBase,
  type: z.literal('execute'),
  serializable: z.boolean(),
  snapshot: csnSchema,
  remainingMs: z.int().nonnegative().describe('Time left until the deadline, in ms, when it was sent.'),
  number: z.int().positive().describe('1, 2, … within the transaction at this participant; one at a time.'),
  nonce: nonceSchema.nullable().describe('Of the session that answered number 1; null in number 1 itself.'),
  call: operationCallSchema,
});
export type ExecuteCommand = z.infer<typeof executeSchema>;

export const commitSchema = z.object({
  ...commandBase,
  type: z.literal('commit'),
  csn: z.int().positive().describe('Commit sequence number: the place of the decision in the one order of all.'),
});
export type CommitCommand = z.infer<typeof commitSchema>;

/**
 * `presumed`: the coordinator knows nothing of the transaction and may say so under rule D6; only a branch that is
 * durably prepared may act on it (and any branch may, since an abort is the only outcome left).
 */
export const rollbackSchema = z.object({
  ...commandBase,
  type: z.literal('rollback'),
  presumed: z.boolean().describe('True: nobody knows the transaction any more, which means that it was aborted.'),
});
export type RollbackCommand = z.infer<typeof rollbackSchema>;

/**
 * After a restore: says what became of the branches of earlier incarnations than `incarnation`. `scope` `after`: a page
 * of all those above `transactionId`, in the order of ids; `one`: that very one, after every earlier command of it.
 */
export const reportSchema = z.object({
  ...commandBase,
  type: z.literal('report'),
  incarnation: z.int().positive().describe('Asked for are branches of earlier ones.'),
  scope: z.enum(['after', 'one']).describe('`after`: a page of all above transactionId, by id. `one`: that very one.'),
});
export type ReportCommand = z.infer<typeof reportSchema>;

export const commandSchema = z.discriminatedUnion('type', [
  prepareSchema,
  executeSchema,
  commitSchema,
  rollbackSchema,
  reportSchema,
]);
export type Command = z.infer<typeof commandSchema>;

/** What moves one branch forward; `execute` works in a session before there is a branch, `report` only asks. */
export type BranchCommand = Exclude<Command, ReportCommand | ExecuteCommand>;
