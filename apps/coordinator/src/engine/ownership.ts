import { ConcordatError } from '@concordat/protocol';
import type { CallContext } from './api.js';

/** The coordinator's own reads, on behalf of a call that was let through. */
export const ITSELF: CallContext = { caller: '', reachesAll: true };

/** Also what is said of a transaction of another caller: ids follow each other, so they are no secret, and tell nothing. */
export const noTransaction = (id: string): ConcordatError =>
  new ConcordatError('transaction-not-found', `There is no transaction ${JSON.stringify(id)}.`);

/**
 * A transaction belongs to its caller; an operator reaches all of them. After a restore from an older backup the caller of
 * some is not known any more (empty): whoever has the id may read what became of it.
 * @throws ConcordatError transaction-not-found
 */
export function mustReach(owned: { readonly id: string; readonly caller: string }, context: CallContext): void {
  if (owned.caller !== context.caller && owned.caller !== '' && !context.reachesAll) throw noTransaction(owned.id);
}
