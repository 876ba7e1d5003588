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
  index: z.int().describe('Position in the decision log; 0 or less of what was decided before a restore.'),
  csn: z.int().positive().nullable().describe('Commit sequence number; null unless committed.'),
  at: z.iso.datetime().describe('When it was decided, ISO 8601.'),
  label: z.string().nullable(),
  participants: z.array(participantNameSchema),
  reason: reasonSchema.nullable(),
});
export type OutcomeEvent = z.infer<typeof outcomeEventSchema>;

/** A message that could not be read or handled, kept whole for people to look at. */
export const deadLetterSchema = z.object({
  v: wireVersionSchema,
  topic: z.string().describe('Where the message was.'),
  partition: z.int().nonnegative(),
  offset: z.string(),
  key: z.string(),
  valueBase64: z.string().describe('The message as it was, in base 64.'),
  error: z.string().max(2000).describe('Why it could not be handled.'),
  at: z.iso.datetime(),
});
export type DeadLetter = z.infer<typeof deadLetterSchema>;
