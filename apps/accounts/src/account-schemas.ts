import { z } from 'zod';

/** Any text a person can read, since Postgres takes no NUL and a log no line break. */
const text = z
  .string()
  .min(1)
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is shut out
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'no control characters');

export const accountName = text.describe('Name of an account.');
const amount = z.int().positive().describe('Minor units, such as cents.');
const reference = text.describe('What the movement is for; listed in the entries of the account.');
const balance = z.int().nonnegative().describe('Minor units, such as cents.');

export const openInput = z.object({ account: accountName, balance });
export const movementInput = z.object({ account: accountName, amount, reference });
export const readInput = z.object({ account: accountName });
export const appendInput = z.object({ account: accountName, reference });

/** Operations that one `post` may run. */
const POSTED_MAX = 100;

export const postInput = z.object({
  operations: z
    .array(
      z.discriminatedUnion('operation', [
        z.object({ operation: z.literal('open'), input: openInput }),
        z.object({ operation: z.enum(['credit', 'debit']), input: movementInput }),
        z.object({ operation: z.literal('append'), input: appendInput }),
        z.object({ operation: z.literal('read'), input: readInput }),
      ]),
    )
    .min(1)
    .max(POSTED_MAX)
    .describe('Run one after the other; each sees what those before it did.'),
});

export const balanceResult = z.object({ account: accountName, balance });
export const readResult = z.object({
  account: accountName,
  balance,
  entries: z.array(z.string()).describe('References of all movements, oldest first.'),
});

export const appendResult = z.object({ account: accountName, entries: z.int().describe('How many there are now.') });
export const postResult = z.object({
  results: z.array(z.union([readResult, appendResult, balanceResult])).describe('Of the operations, in their order.'),
});

export type OpenInput = z.output<typeof openInput>;
export type MovementInput = z.output<typeof movementInput>;
export type ReadInput = z.output<typeof readInput>;
export type AppendInput = z.output<typeof appendInput>;
export type PostInput = z.output<typeof postInput>;
export type BalanceResult = z.output<typeof balanceResult>;
export type AccountView = z.output<typeof readResult>;
export type AppendResult = z.output<typeof appendResult>;
export type PostResult = z.output<typeof postResult>;
