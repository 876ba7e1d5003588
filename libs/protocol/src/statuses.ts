import { z } from 'zod';
import { csnSchema, transactionIdSchema } from './names.js';

/** One question asks for at most this many transactions. */
export const STATUSES_MAX = 1000;

/**
 * What a replica says of a transaction (D6). `aborted` needs an applied ABORT; `undecided` means that a commit would get
 * a number above the `appliedCsn` of the answer; `unknown` is never an abort to a third party.
 */
export const transactionStatusSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('committed'), csn: csnSchema }),
  z.object({ status: z.literal('aborted') }),
  z.object({ status: z.literal('undecided') }),
  z.object({ status: z.literal('unknown') }),
]);
export type StatusAnswer = z.infer<typeof transactionStatusSchema>;

/** `POST /v1/statuses`: participants ask any replica. `minCsn`: the answer must come from at least this applied number. */
export const statusesRequestSchema = z.object({
  transactionIds: z.array(transactionIdSchema).max(STATUSES_MAX),
  minCsn: csnSchema.optional(),
  /** Whether the answer must cover everything that was decided before the question (ReadIndex). */
  linearizable: z.boolean().optional(),
});
export type StatusesRequest = z.infer<typeof statusesRequestSchema>;

export const statusesAnswerSchema = z.object({
  /** Everything up to this number was applied at the replica before it looked. */
  appliedCsn: csnSchema,
  /** In the order of the question. */
  statuses: z.array(transactionStatusSchema),
});
export type StatusesAnswer = z.infer<typeof statusesAnswerSchema>;
