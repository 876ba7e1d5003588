import { ConcordatError, type ErrorCode, parseTransactionId } from '@concordat/protocol';
import type { z } from 'zod';

const ISSUES_MAX = 20;

/** Parses what came in. @throws ConcordatError `request-invalid` naming each wrong field */
export function parseRequest<T>(schema: z.ZodType<T>, value: unknown, where: 'body' | 'query' | 'path'): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, ISSUES_MAX)
    .map((issue) => ({ path: [where, ...issue.path].join('.'), message: issue.message }));
  const tooMany = parsed.error.issues.some((issue) => issue.code === 'too_big' && issue.path.join('.') === 'branches');
  const code: ErrorCode = tooMany ? 'too-many-branches' : 'request-invalid';
  const first = issues[0];
  throw new ConcordatError(code, `${first?.path}: ${first?.message}`, { issues });
}

/** An id that no transaction can have names none. @throws ConcordatError `transaction-not-found` */
export function checkTransactionId(id: string): string {
  if (parseTransactionId(id)) return id;
  throw new ConcordatError('transaction-not-found', 'No transaction has an id of this form.', {
    transactionId: id.slice(0, 100),
  });
}
