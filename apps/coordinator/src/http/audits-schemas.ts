/** Audits as they cross the REST border. */
import { VERDICTS } from '@concordat/audit';
import { z } from 'zod';

export const AUDIT_ID_PATTERN = /^a-[0-9a-z]{1,4}-[0-9a-z]{1,11}-[0-9a-f]{8}$/;
export const SETTLE_MS_MAX = 86_400_000;
/** Longer than any transaction may take to be decided, and than events wait for a moment's trouble. */
export const SETTLE_MS_DEFAULT = 900_000;
export const VIOLATIONS_LIMIT_DEFAULT = 100;
export const VIOLATIONS_LIMIT_MAX = 1_000;

const isoTime = z.iso.datetime();
const timeGiven = z.iso.datetime({ offset: true });
const counts = z.int().nonnegative();

export const auditRequestSchema = z
  .strictObject({
    from: timeGiven.optional().describe('Audit what participants said from this time on; left out: all that is kept.'),
    to: timeGiven.optional().describe('… and before this time; left out: until now.'),
    settleMs: z
      .int()
      .min(0)
      .max(SETTLE_MS_MAX)
      .optional()
      .describe(
        `How long a transaction may be on its way before what is missing counts, in ms; ${SETTLE_MS_DEFAULT} when left out.`,
      ),
  })
  .refine(({ from, to }) => !from || !to || Date.parse(from) < Date.parse(to), {
    path: ['to'],
    message: 'must be later than from',
  })
  .meta({ id: 'AuditRequest' });

const limitSchema = z
  .string()
  .regex(/^[0-9]{1,9}$/, 'a whole number')
  .transform(Number)
  .pipe(z.int().min(0).max(VIOLATIONS_LIMIT_MAX));

export const auditQuerySchema = z.strictObject({
  limit: limitSchema.optional(),
  cursor: z.string().max(200).optional(),
});

const verdictCounts = z.strictObject(
  Object.fromEntries(VERDICTS.map((verdict) => [verdict, counts])) as Record<(typeof VERDICTS)[number], typeof counts>,
);

const auditSummarySchema = z
  .strictObject({
    id: z.string().regex(AUDIT_ID_PATTERN),
    status: z.enum(['running', 'completed', 'failed']),
    nodeId: z.int().describe('NODE_ID of the replica that makes and keeps it; every replica answers for it.'),
    actor: z.string(),
    createdAt: isoTime,
    endedAt: isoTime.nullable(),
    from: isoTime.nullable(),
    to: isoTime.nullable(),
    settleMs: z.int(),
    failure: z.string().nullable().describe('Why it failed; null otherwise.'),
    records: z
      .strictObject({ facts: counts, duplicates: counts, other: counts, unreadable: counts, unverifiable: counts })
      .describe('Every record read, in exactly one of these.'),
    transactions: counts,
    verdicts: verdictCounts,
    incomplete: z
      .strictObject({ running: counts, cut: counts, unfinished: counts })
      .describe('Incomplete transactions by their cause.'),
    compared: counts.describe("Transactions compared with the coordinator's own record."),
    violationsTotal: counts,
  })
  .meta({ id: 'AuditSummary' });

const eventSchema = z.strictObject({
  outcome: z.enum(['committed', 'aborted']),
  csn: z.int().nullable(),
  restored: z.boolean(),
});

const recordSchema = z.strictObject({
  outcome: z.enum(['committed', 'aborted']).nullable(),
  csn: z.int().nullable(),
  decidedAt: isoTime.nullable(),
  restored: z.boolean(),
});

const violationSchema = z
  .strictObject({
    transactionId: z.string(),
    verdict: z.enum(['mixed', 'contradicting', 'orphaned']),
    kafkaVerdict: z.enum(VERDICTS).describe('By Kafka alone.'),
    causes: z.array(z.string()),
    participants: z.array(
      z.strictObject({
        name: z.string(),
        said: z.array(z.enum(['prepared', 'read-only', 'refused', 'committed', 'rolled-back', 'hazard'])),
      }),
    ),
    events: z.array(eventSchema),
    record: z
      .union([recordSchema, z.literal('unknown'), z.null()])
      .describe("The coordinator's own; null: it has none; `unknown`: pruned, or not compared."),
  })
  .meta({ id: 'Violation' });

export const auditSchema = auditSummarySchema
  .extend({
    progress: z.strictObject({
      stage: z.enum(['planning', 'map', 'reduce', 'done']),
      fraction: z.number().min(0).max(1),
      recordsRead: counts,
      recordsTotal: counts,
      bucketsDone: counts,
      bucketsTotal: counts,
      partitions: z.array(
        z.strictObject({ topic: z.string(), partition: counts, from: counts, end: counts, read: counts }),
      ),
    }),
    window: z
      .strictObject({
        repliesFrom: isoTime.nullable().describe('Before it replies may be missing; null: none are.'),
        repliesTo: isoTime,
        eventsFrom: isoTime.nullable(),
        eventsTo: isoTime,
      })
      .nullable()
      .describe('What was read; null until it is.'),
    notCompared: z.string().nullable().describe("Why there was no comparison with the coordinator's records."),
    violations: z.array(violationSchema).describe('One page, ordered by transaction; 10000 are kept, all are counted.'),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: 'Audit' });

export const auditListSchema = z
  .strictObject({
    items: z.array(auditSummarySchema),
    nextCursor: z.null(),
    unreachable: z.array(z.int()).describe('NODE_IDs of replicas that could not be asked for theirs.'),
  })
  .meta({ id: 'AuditList' });
