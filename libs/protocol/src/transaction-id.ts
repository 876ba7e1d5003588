/**
 * Transaction ids (design rule D1): `<incarnation>-<term>-<sequence>`, each part in base 36.
 *
 * - incarnation: made once when a cluster is bootstrapped or restored, Unix time in ms at that moment;
 * - term: the Raft term of the leader that began the transaction;
 * - sequence: counts from 1 within the term.
 *
 * An id is compared part by part, never as text: `1-1-2` is not "before" `1-1-10` alphabetically, and one id may be
 * a textual prefix of another. The order of ids is the order in which transactions began.
 */
export interface TransactionIdParts {
  readonly incarnation: number;
  readonly term: number;
  readonly sequence: number;
}

/** The form of an id; `parseTransactionId` also checks the range of each part. */
export const TRANSACTION_ID_PATTERN = /^[1-9a-z][0-9a-z]{0,10}-[1-9a-z][0-9a-z]{0,10}-[1-9a-z][0-9a-z]{0,10}$/;

/** Below every id that a cluster ever gives out. */
export const LOWEST_TRANSACTION_ID = '1-1-1';

/** Renders an id. All parts are positive safe integers. */
export function formatTransactionId({ incarnation, term, sequence }: TransactionIdParts): string {
  return `${incarnation.toString(36)}-${term.toString(36)}-${sequence.toString(36)}`;
}

/** Reads an id. Returns undefined for anything that `formatTransactionId` could not have written. */
export function parseTransactionId(id: string): TransactionIdParts | undefined {
  if (!TRANSACTION_ID_PATTERN.test(id)) return undefined;
  const [incarnation, term, sequence] = id.split('-').map((part) => Number.parseInt(part, 36)) as [
    number,
    number,
    number,
  ];
  const safe = Number.isSafeInteger(incarnation) && Number.isSafeInteger(term) && Number.isSafeInteger(sequence);
  return safe ? { incarnation, term, sequence } : undefined;
}

/** Compares by incarnation, term, sequence. Returns a negative number, zero or a positive number. */
export function compareTransactionIds(a: TransactionIdParts, b: TransactionIdParts): number {
  return a.incarnation - b.incarnation || a.term - b.term || a.sequence - b.sequence;
}

/** Whether `id` began before `horizon` (rule D7: everything before the horizon is forgotten). Both must be valid ids. */
export function isBelow(id: string, horizon: string): boolean {
  const a = parseTransactionId(id);
  const b = parseTransactionId(horizon);
  return a !== undefined && b !== undefined && compareTransactionIds(a, b) < 0;
}
