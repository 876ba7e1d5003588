/**
 * What crosses the REST border, as zod schemas: requests are validated by them, and /openapi.json is made of them.
 * Objects are strict: a misspelt field is refused rather than ignored.
 */
import {
  branchIdSchema,
  ERRORS,
  isolationSchema,
  operationNameSchema,
  participantNameSchema,
  reasonSchema,
  statusesAnswerSchema,
  statusesRequestSchema as wireStatusesRequestSchema,
} from '@concordat/protocol';
import { z } from 'zod';
import { isStorableJson } from './json.js';

export const BRANCHES_MAX = 100;
const TIMEOUT_MS_MIN = 100;
const TIMEOUT_MS_MAX = 600_000;
const SNAPSHOT_TTL_MS_MIN = 100;
export const SNAPSHOT_TTL_MS_MAX = 3_600_000;
export const SNAPSHOT_ID_PATTERN = /^s-[0-9a-z]{1,12}-[0-9a-z]{1,12}-[0-9a-z]{1,12}$/;
const LABEL_LENGTH_MAX = 200;
const LIST_LIMIT_MAX = 200;
export const LIST_LIMIT_DEFAULT = 50;

/** Logs and terminals would obey control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
export const PRINTABLE = /^[^\u0000-\u001f\u007f]*$/;

const label = z
  .string()
  .max(LABEL_LENGTH_MAX)
  .regex(PRINTABLE, 'no control characters')
  .refine((text) => text.isWellFormed(), 'no lone surrogates')
  .describe('Free text for people and for searching.');

const waitSchema = z
  .enum(['decided', 'completed'])
  .describe('`decided`: the outcome is settled and durable. `completed`: every branch is finalised as well.');

export const consistencySchema = z.enum(['linearizable', 'stale']).describe('`linearizable` is the default.');

export const branchRequestSchema = z
  .strictObject({
    participant: participantNameSchema,
    operation: operationNameSchema,
    input: z
      .unknown()
      .refine(isStorableJson, 'nested too deeply, a number out of range, or lone surrogates')
      .describe("Any JSON, nested at most 64 deep; the operation's JSON Schema decides."),
  })
  .meta({ id: 'BranchRequest' });

export const beginRequestSchema = z
  .strictObject({
    isolation: isolationSchema
      .optional()
      .describe('Left out: `local` when branches are named and all their participants are local, else `global`.'),
    serializable: z
      .boolean()
      .optional()
      .describe('True: as if serializable transactions ran one after the other. All participants must be global.'),
    timeoutMs: z
      .int()
      .min(TIMEOUT_MS_MIN)
      .max(TIMEOUT_MS_MAX)
      .optional()
      .describe('Time until an undecided transaction is aborted, in ms; 30000 when left out.'),
    label: label.optional(),
    branches: z.array(branchRequestSchema).max(BRANCHES_MAX).optional(),
    commit: z.boolean().optional().describe('True: begin, enlist and commit in this one call.'),
    wait: waitSchema.optional(),
  })
  .meta({ id: 'BeginRequest' });

export const snapshotRequestSchema = z
  .strictObject({
    ttlMs: z
      .int()
      .min(SNAPSHOT_TTL_MS_MIN)
      .max(SNAPSHOT_TTL_MS_MAX)
      .describe('Time until the lease ends by itself, in ms; it lasts longer where leadership changes.'),
  })
  .meta({ id: 'SnapshotRequest' });

export const statusesRequestSchema = wireStatusesRequestSchema.strict().meta({ id: 'StatusesRequest' });
export const statusesSchema = statusesAnswerSchema.strict().meta({ id: 'Statuses' });

export const enlistQuerySchema = z.strictObject({
  execute: z
    .literal('now')
    .optional()
    .describe('Runs the operation at once, at the snapshot of the transaction, and answers with its result.'),
});

export const endRequestSchema = z.strictObject({ wait: waitSchema.optional() }).meta({ id: 'EndRequest' });

export const transactionQuerySchema = z.strictObject({
  wait: waitSchema.optional(),
  consistency: consistencySchema.optional(),
});

export const clusterQuerySchema = z.strictObject({ consistency: consistencySchema.optional() });

const transactionStatusSchema = z.enum(['active', 'preparing', 'committed', 'aborted', 'completed']);

/** Query parameters are text; a number is what looks like one, nothing else. */
export const limitSchema = z
  .string()
  .regex(/^[0-9]{1,9}$/, 'a whole number')
  .transform(Number)
  .pipe(z.int().min(1).max(LIST_LIMIT_MAX));

export const listQuerySchema = z.strictObject({
  status: transactionStatusSchema.optional(),
  participant: participantNameSchema.optional(),
  label: label.optional(),
  limit: limitSchema.optional(),
  cursor: z.string().max(200).optional(),
  consistency: consistencySchema.optional(),
});

/** No query parameters: one that is given is a mistake worth telling. */
export const emptyQuerySchema = z.strictObject({});

const isoTime = z.iso.datetime();

export const branchSchema = z
  .strictObject({
    id: branchIdSchema,
    participant: participantNameSchema,
    operation: operationNameSchema,
    status: z.enum(['enlisted', 'preparing', 'prepared', 'read-only', 'refused', 'committed', 'rolled-back', 'hazard']),
    result: z
      .unknown()
      .describe(
        'What the operation returned; null until it has run. One that ran at once has it while still `enlisted`.',
      ),
    reason: reasonSchema.nullable(),
  })
  .meta({ id: 'Branch' });

export const transactionSchema = z
  .strictObject({
    id: z.string().describe('`<incarnation>-<term>-<sequence>`, each in base 36; exact and case-sensitive.'),
    status: transactionStatusSchema,
    isolation: isolationSchema,
    serializable: z.boolean(),
    label: z.string().nullable(),
    csn: z.int().nullable().describe('Commit sequence number; null unless committed.'),
    snapshot: z
      .int()
      .nullable()
      .describe('The commits up to this number are what it sees at global participants; null where it has none.'),
    createdAt: isoTime,
    deadlineAt: isoTime,
    decidedAt: isoTime.nullable(),
    completedAt: isoTime.nullable(),
    outcomeReason: reasonSchema.nullable().describe('Why it aborted; null otherwise.'),
    branches: z.array(branchSchema),
  })
  .meta({ id: 'Transaction' });

export const snapshotSchema = z
  .strictObject({
    id: z.string().regex(SNAPSHOT_ID_PATTERN),
    csn: z.int().describe('Read at this commit sequence number: every participant shows the same prefix of commits.'),
    createdAt: isoTime,
    expiresAt: isoTime.describe('Not earlier; later where leadership has changed.'),
  })
  .meta({ id: 'Snapshot' });

export const transactionListSchema = z
  .strictObject({
    items: z.array(transactionSchema),
    nextCursor: z.string().nullable().describe('Pass it as `cursor` for the next page; null at the end.'),
  })
  .meta({ id: 'TransactionList' });

const operationSchema = z
  .strictObject({
    name: operationNameSchema,
    readOnly: z.boolean(),
    inputSchema: z.record(z.string(), z.unknown()).describe('JSON Schema 2020-12 of the input.'),
    resultSchema: z.record(z.string(), z.unknown()).describe('JSON Schema 2020-12 of the result.'),
  })
  .meta({ id: 'Operation' });

const suspicionSchema = z
  .number()
  .nullable()
  .describe(
    'Phi: 8 means, were it alive, so long a silence would come once in 10^8 times. Null where nothing is told.',
  );

export const participantSchema = z
  .strictObject({
    name: participantNameSchema,
    isolation: isolationSchema,
    health: z
      .enum(['up', 'down', 'unknown'])
      .describe('`down`: work for it is refused. `unknown`: nobody can tell, and work for it is taken.'),
    suspicion: suspicionSchema,
    observers: z
      .array(
        z.strictObject({
          nodeId: z.int(),
          word: z.enum(['alive', 'suspected', 'unknown']),
          suspicion: suspicionSchema,
          ageMs: z.int().nonnegative(),
        }),
      )
      .describe('What each replica says, as far as it has reached the one that answers; that one comes first.'),
    instances: z.int().nonnegative(),
    lastHeartbeatAt: isoTime.nullable(),
    lag: z.int().nonnegative().describe('Commands sent to it that it has not answered yet.'),
    preparedCount: z.int().nonnegative().describe('Branches it holds prepared and undecided.'),
    oldestInDoubtMs: z.int().nonnegative().nullable().describe('Age of the oldest of them in ms.'),
    operations: z.array(operationSchema),
  })
  .meta({ id: 'Participant' });

export const participantListSchema = z
  .strictObject({ items: z.array(participantSchema), nextCursor: z.null() })
  .meta({ id: 'ParticipantList' });

const memberSchema = z
  .strictObject({
    id: z.int().describe("Random, made with the member's log."),
    nodeId: z.int(),
    address: z.string().describe('Where other replicas reach it, host:port.'),
    url: z.string().describe('Where callers reach it.'),
    role: z.enum(['leader', 'follower', 'learner']),
    matchIndex: z.int().nullable(),
    appliedIndex: z.int().nullable(),
    persistedIndex: z.int().nullable(),
    lagMs: z.int().nullable().describe('How long it has been behind, in ms; null while it is not heard.'),
    lastContactMs: z.int().nullable().describe('How long ago it last answered the replica that answers, in ms.'),
    suspicion: suspicionSchema,
  })
  .meta({ id: 'Member' });

export const clusterSchema = z
  .strictObject({ leader: z.int().nullable(), term: z.int(), members: z.array(memberSchema) })
  .meta({ id: 'Cluster' });

export const transferSchema = z
  .strictObject({ to: z.int().positive().optional().describe('Id of the member; left out, the one that is furthest.') })
  .meta({ id: 'TransferRequest' });

export const addMemberSchema = z
  .strictObject({
    address: z
      .string()
      .regex(/^\S+:\d{1,5}$/)
      .max(300)
      .describe('host:port of the new replica for its peers.'),
  })
  .meta({ id: 'AddMemberRequest' });

/** As it stands in a path. */
export const memberIdSchema = z.object({ id: z.coerce.number().pipe(z.int().positive()) });

const checkSchema = z.strictObject({
  name: z.string(),
  ok: z.boolean(),
  detail: z.string().optional(),
  advisory: z.boolean().optional().describe('True where it is told and decides nothing.'),
});

export const healthSchema = z
  .strictObject({ status: z.enum(['live', 'ready', 'started']), checks: z.array(checkSchema).optional() })
  .meta({ id: 'Health' });

/** RFC 9457. Extension members beyond those named here may follow. */
export const problemSchema = z
  .looseObject({
    type: z.string().describe('`/docs/errors#<code>`'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().describe('Path of the request.'),
    code: z.enum(Object.keys(ERRORS) as [string, ...string[]]).describe('Stable; see /docs/errors.'),
    retryable: z.boolean().describe('Whether the same request may succeed later.'),
    transactionId: z.string().optional(),
    participant: z.string().optional(),
    operation: z.string().optional(),
    branchId: z.string().optional(),
    reason: reasonSchema.optional().describe('Why the transaction aborted.'),
    transaction: transactionSchema.optional().describe('The transaction, where the call ended it.'),
    issues: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
    checks: z.array(checkSchema).optional(),
    traceId: z.string().optional(),
  })
  .meta({ id: 'Problem' });
