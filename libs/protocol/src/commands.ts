import { z } from 'zod';
import {
  branchIdSchema,
  isolationSchema,
  operationNameSchema,
  participantNameSchema,
  transactionIdSchema,
  wireVersionSchema,
} from './names.js';

/**
 * Commands travel from the leading coordinator to one participant, keyed by transaction id. Each may arrive in any
 * order and any number of times. `horizon` is H of rule D7: the oldest id that is not forgotten.
 */
const commandBase = {
  v: wireVersionSchema,
  transactionId: transactionIdSchema,
  participant: participantNameSchema,
  horizon: transactionIdSchema,
};

export const operationCallSchema = z.object({
  branchId: branchIdSchema,
  operation: operationNameSchema,
  input: z.unknown(),
});
export type OperationCall = z.infer<typeof operationCallSchema>;

/** One prepare per participant carries all its operations in order. `remainingMs`: time left until the deadline, at sending. */
export const prepareSchema = z.object({
  ...commandBase,
  type: z.literal('prepare'),
  isolation: isolationSchema,
  serializable: z.boolean(),
  snapshot: z.int().nonnegative().nullable(),
  remainingMs: z.int().nonnegative(),
  operations: z.array(operationCallSchema).min(1).max(1000),
});
export type PrepareCommand = z.infer<typeof prepareSchema>;

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

export const commandSchema = z.discriminatedUnion('type', [prepareSchema, commitSchema, rollbackSchema, reportSchema]);
export type Command = z.infer<typeof commandSchema>;

/** What moves one branch forward; `report` only asks. */
export type BranchCommand = Exclude<Command, ReportCommand>;
