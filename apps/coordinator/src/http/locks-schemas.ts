/** Locks as they cross the REST border (docs/locks.md). */
import { z } from 'zod';
import { consistencySchema } from './schemas.js';

export const LOCK_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/;
export const LOCK_SESSION_PATTERN = /^ls-[0-9a-z]{1,12}$/;
const LOCK_TTL_MS_MIN = 100;
export const LOCK_TTL_MS_MAX = 3_600_000;
export const LOCK_WAIT_MS_MAX = 60_000;
const LIST_LIMIT_MAX = 200;
export const LOCK_LIST_LIMIT_DEFAULT = 50;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const PRINTABLE = /^[^\u0000-\u001f\u007f]*$/;

export const lockNameSchema = z
  .string()
  .regex(LOCK_NAME_PATTERN)
  .describe('Letters, digits and `._:-`, beginning with a letter or digit, at most 200. Exact and case-sensitive.');

const owner = z
  .string()
  .min(1)
  .max(200)
  .regex(PRINTABLE, 'no control characters')
  .refine((text) => text.isWellFormed(), 'no lone surrogates')
  .describe('Who holds it, for others to read: a host and process, say. The same owner may be refused like any other.');

const ttlMs = z
  .int()
  .min(LOCK_TTL_MS_MIN)
  .max(LOCK_TTL_MS_MAX)
  .describe('Time until it ends without a renewal, in ms; longer where leadership changes.');

const mode = z.enum(['exclusive', 'shared']);

const token = z.int().positive().describe('Larger than every token given before, for whatever lock.');

export const acquireRequestSchema = z
  .strictObject({
    owner: owner.optional(),
    ttlMs: ttlMs.optional(),
    session: z
      .string()
      .regex(LOCK_SESSION_PATTERN)
      .optional()
      .describe('In the place of `owner` and `ttlMs`: the session that keeps it alive.'),
    waitMs: z
      .int()
      .min(0)
      .max(LOCK_WAIT_MS_MAX)
      .optional()
      .describe('How long to wait for it in line, in ms; 0 when left out.'),
    mode: mode.optional().describe('`exclusive` when left out.'),
  })
  .refine(({ session, ...own }) => (session === undefined) === (own.owner !== undefined), {
    path: ['owner'],
    message: 'either owner and ttlMs, or session',
  })
  .refine(({ session, ...own }) => (session === undefined) === (own.ttlMs !== undefined), {
    path: ['ttlMs'],
    message: 'either owner and ttlMs, or session',
  })
  .meta({ id: 'AcquireLockRequest' });

export const tokenRequestSchema = z.strictObject({ fencingToken: token }).meta({ id: 'LockTokenRequest' });

export const sessionRequestSchema = z.strictObject({ owner, ttlMs }).meta({ id: 'LockSessionRequest' });

export const lockQuerySchema = z.strictObject({ consistency: consistencySchema.optional() });

export const lockListQuerySchema = z.strictObject({
  prefix: z.string().max(200).optional().describe('Only names that begin with this.'),
  limit: z
    .string()
    .regex(/^[0-9]{1,9}$/, 'a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(LIST_LIMIT_MAX))
    .optional(),
  cursor: z.string().max(300).optional(),
  consistency: consistencySchema.optional(),
});

const ttlRemainingMs = z
  .int()
  .nonnegative()
  .describe('How long to count on it from this answer on, in ms; measured from before the entry was proposed.');

const waitedMs = z
  .int()
  .nonnegative()
  .describe(
    'How long the call was at the leader, in ms: the moment before the request was sent, and this, and `ttlRemainingMs`, is when ' +
      'to stop counting on it, however long the answer was on its way.',
  );

const hold = {
  mode,
  owner: z.string(),
  fencingToken: token,
  sequencer: z.string().describe('Lock, mode and token in one string, to be handed to servers.'),
  ttlMs: z.int(),
  session: z.string().nullable(),
  renewals: z.int().nonnegative(),
  grantedAt: z.iso.datetime(),
};

export const grantedLockSchema = z
  .strictObject({ name: z.string(), ...hold, ttlRemainingMs, waitedMs })
  .meta({ id: 'GrantedLock' });

const nullable = 'null at a replica that does not lead.';

export const lockSchema = z
  .strictObject({
    name: z.string(),
    mode: mode.nullable().describe('null where it is free.'),
    holders: z.array(
      z.strictObject({
        ...hold,
        ttlRemainingMs: ttlRemainingMs.nullable().describe(`How long it lasts at least; ${nullable}`),
      }),
    ),
    waiting: z.int().nonnegative().nullable().describe(`How many wait for it; ${nullable}`),
  })
  .meta({ id: 'Lock' });

export const lockListSchema = z
  .strictObject({
    items: z.array(lockSchema),
    nextCursor: z.string().nullable().describe('Pass it as `cursor` for the next page; null at the end.'),
  })
  .meta({ id: 'LockList' });

const session = {
  id: z.string().regex(LOCK_SESSION_PATTERN),
  owner: z.string(),
  ttlMs: z.int(),
  renewals: z.int().nonnegative(),
  createdAt: z.iso.datetime(),
  ttlRemainingMs,
};

export const grantedSessionSchema = z.strictObject({ ...session, waitedMs }).meta({ id: 'GrantedLockSession' });

export const lockSessionSchema = z
  .strictObject({
    ...session,
    locks: z.array(z.strictObject({ name: z.string(), mode, fencingToken: token })).describe('What it holds.'),
  })
  .meta({ id: 'LockSession' });
