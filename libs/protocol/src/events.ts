import { z } from 'zod';
import { participantNameSchema, transactionIdSchema, wireVersionSchema } from './names.js';
import { reasonSchema } from './reason.js';

/**
 * The public outcome log on `concordat.events`, published from the applied log, at least once, keyed by transaction id.
 * `index` is the position in the decision log: a consumer drops what it has already seen by transaction id. What was
 * decided before the cluster was restored from a backup has an index of 0 or less.
 */
export const outcomeEventSchema = z.object({
  v: wireVersionSchema,
  type: z.enum(['transaction.committed', 'transaction.aborted']),
  transactionId: transactionIdSchema,
  index: z.int(),
  /** Commit sequence number; null unless committed. */
  csn: z.int().positive().nullable(),
  /** ISO 8601. */
  at: z.iso.datetime(),
  label: z.string().nullable(),
  participants: z.array(participantNameSchema),
  reason: reasonSchema.nullable(),
});
export type OutcomeEvent = z.infer<typeof outcomeEventSchema>;

/** A message that could not be read or handled, kept whole for people to look at. */
export const deadLetterSchema = z.object({
  v: wireVersionSchema,
  topic: z.string(),
  partition: z.int().nonnegative(),
  offset: z.string(),
  key: z.string(),
  valueBase64: z.string(),
  error: z.string().max(2000),
  at: z.iso.datetime(),
});
export type DeadLetter = z.infer<typeof deadLetterSchema>;
