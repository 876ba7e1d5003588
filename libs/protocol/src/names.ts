import { z } from 'zod';
import { parseTransactionId, TRANSACTION_ID_PATTERN } from './transaction-id.js';

/** Names that become parts of topics, gids and URLs: no colon, no underscore, no dot, no wildcard. */
export const NAME_PATTERN = /^[a-z][a-z0-9-]{0,62}$/;

export const participantNameSchema = z
  .string()
  .regex(NAME_PATTERN, 'lower-case letters, digits and hyphens, at most 63 characters, beginning with a letter');

/** Operation names are chosen by participants; the same alphabet keeps them safe in URLs and metrics. */
export const operationNameSchema = participantNameSchema;

export const transactionIdSchema = z
  .string()
  .regex(TRANSACTION_ID_PATTERN)
  .refine((id) => parseTransactionId(id) !== undefined, 'not a transaction id');

/** Branch ids are numbered within their transaction: `1`, `2`, … */
export const branchIdSchema = z.string().regex(/^[1-9][0-9]{0,5}$/);

export const isolationSchema = z.enum(['local', 'global']);
export type Isolation = z.infer<typeof isolationSchema>;

/** A commit sequence number, or a snapshot: the prefix of the decision log up to that number. */
export const csnSchema = z.int().nonnegative();

/** Random per session of a participant: tells a session from the one that took its place after a restart. */
export const nonceSchema = z.string().min(1).max(64);

/** Version of every wire message described here. A reader refuses any other into the dead letters. */
export const WIRE_VERSION = 1;
export const wireVersionSchema = z.literal(WIRE_VERSION);
