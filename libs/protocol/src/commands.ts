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
 * order and any number of times. `horizon` is H of rule D7: the oldest id that is not forgotten. `appliedCsn`: everything
 * up to here is applied at the coordinator, so a snapshot at or below it is no snapshot of the future (S2). `watermark`:
 * no snapshot below it is in use any more, versions below it may be collected (S7).
 */
const commandBase = {
  v: wireVersionSchema,
  transactionId: transactionIdSchema,
  participant: participantNameSchema,
  horizon: transactionIdSchema,
  appliedCsn: csnSchema.optional(),
  watermark: csnSchema.optional(),
};

export const operationCallSchema = z.object({
  branchId: branchIdSchema,
  operation: operationNameSchema,
  input: z.unknown(),
});
export type OperationCall = z.infer<typeof operationCallSchema>;

/** What the coordinator knows of a session: its nonce, and how many executes of it were answered. */
export const sessionMarkSchema = z.object({ nonce: nonceSchema, executed: z.int().positive() });
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
  snapshot: csnSchema.nullable(),
  remainingMs: z.int().nonnegative(),
  session: sessionMarkSchema.optional(),
  /** Empty only beside a session. */
  operations: z.array(operationCallSchema).max(1000),
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
  remainingMs: z.int().nonnegative(),
  number: z.int().positive(),
  nonce: nonceSchema.nullable(),
  call: operationCallSchema,
});
export type ExecuteCommand = z.infer<typeof executeSchema>;

export const commitSchema = z.object({ ...commandBase, type: z.literal('commit'), csn: z.int().positive() });
export type CommitCommand = z.infer<typeof commitSchema>;

/**
 * `presumed`: the coordinator knows nothing of the transaction and may say so under rule D6; only a branch that is
 * durably prepared may act on it (and any branch may, since an abort is the only outcome left).
 */
export const rollbackSchema = z.object({ ...commandBase, type: z.literal('rollback'), presumed: z.boolean() });
export type RollbackCommand = z.infer<typeof rollbackSchema>;

/**
 * After a restore: says what became of the branches of earlier incarnations than `incarnation`. `scope` `after`: a page
 * of all those above `transactionId`, in the order of ids; `one`: that very one, after every earlier command of it.
 */
export const reportSchema = z.object({
  ...commandBase,
  type: z.literal('report'),
  incarnation: z.int().positive(),
  scope: z.enum(['after', 'one']),
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
