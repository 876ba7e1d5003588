import { participantNameSchema } from '@concordat/protocol';
import { z } from 'zod';
import { IN_DOUBT_CAUSES } from '../engine/in-doubt-api.js';
import { limitSchema, PRINTABLE } from './schemas.js';

export const REASON_LENGTH_MAX = 1_000;
export const MIN_AGE_MS_DEFAULT = 1_000;
const MIN_AGE_MS_MAX = 86_400_000;

const isoTime = z.iso.datetime();
const outcomeSchema = z.enum(['committed', 'aborted']);
const healthSchema = z.enum(['up', 'down', 'unknown']);

export const inDoubtQuerySchema = z.strictObject({
  participant: participantNameSchema.optional(),
  cause: z.enum(IN_DOUBT_CAUSES).optional(),
  minAgeMs: z
    .string()
    .regex(/^[0-9]{1,9}$/, 'a whole number')
    .transform(Number)
    .pipe(z.int().min(0).max(MIN_AGE_MS_MAX))
    .optional()
    .describe('Leaves out what is younger, in ms, but for hazards; 1000 when left out.'),
  limit: limitSchema.optional(),
});

const inDoubtBranchSchema = z.strictObject({
  participant: participantNameSchema,
  awaits: z
    .enum(['vote', 'done', 'report', 'operator'])
    .describe('`report`: its word after a restore. `operator`: that somebody looks and resolves.'),
  status: z.string().describe('Of the branch, as far as it is known.'),
  health: healthSchema.describe('Of the participant.'),
  error: z
    .string()
    .nullable()
    .describe('What the participant said of what stands in the way, where it said something.'),
});

export const inDoubtSchema = z
  .strictObject({
    items: z.array(
      z.strictObject({
        transactionId: z.string(),
        cause: z.enum(IN_DOUBT_CAUSES).describe('See docs/in-doubt.md.'),
        outcome: outcomeSchema.nullable().describe('What is decided; null: nothing yet, or nothing that is known.'),
        label: z.string().nullable(),
        since: isoTime,
        ageMs: z.int().nonnegative(),
        branches: z.array(inDoubtBranchSchema),
      }),
    ),
    total: z.int().nonnegative().describe('How many there are; the list has the first ones.'),
    participants: z
      .array(
        z.strictObject({
          participant: participantNameSchema,
          health: healthSchema,
          preparedCount: z.int().nonnegative(),
          oldestInDoubtMs: z.int().nonnegative().nullable(),
          foreignPrepared: z
            .int()
            .nonnegative()
            .describe('Prepared in its database under its prefix, of no transaction.'),
        }),
      )
      .describe('Those that hold something prepared, by their own word.'),
  })
  .meta({ id: 'InDoubt' });

export const resolveSchema = z
  .strictObject({
    outcome: outcomeSchema.describe('What is decided, or `aborted` where nothing is.'),
    reason: z
      .string()
      .min(1)
      .max(REASON_LENGTH_MAX)
      .regex(PRINTABLE, 'no control characters')
      .refine((text) => text.isWellFormed(), 'no lone surrogates')
      .describe('Why, for the audit trail.'),
  })
  .meta({ id: 'ResolveRequest' });

export const actionsQuerySchema = z.strictObject({
  limit: limitSchema.optional(),
  cursor: z.string().max(200).optional(),
});

export const operatorActionsSchema = z
  .strictObject({
    items: z.array(
      z.strictObject({
        id: z.int().describe('Grows with time.'),
        at: isoTime,
        actor: z.string(),
        action: z.string().describe('`resolve`, `member-add`, `member-remove`, `leadership-transfer`.'),
        target: z.string(),
        reason: z.string().nullable(),
        outcome: z.string().nullable().describe('What was asked for.'),
      }),
    ),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: 'OperatorActions' });
