import { AsyncLocalStorage } from 'node:async_hooks';
import { ConcordatError } from '../errors.js';
import type { TransactionScope } from '../open-transaction.js';

const storage = new AsyncLocalStorage<TransactionScope>();

/** Runs `work` so that `currentTransaction` finds the transaction, in everything that the work awaits. */
export const runInTransaction = <T>(transaction: TransactionScope, work: () => T): T => storage.run(transaction, work);

/** The transaction that the method with `@GlobalTransaction()` runs in; undefined outside of any. */
export const findTransaction = (): TransactionScope | undefined => storage.getStore();

/** @throws ConcordatError misuse outside of any transaction */
export function currentTransaction(): TransactionScope {
  const transaction = storage.getStore();
  if (transaction) return transaction;
  throw new ConcordatError('misuse', 'There is no transaction here: call it from a method with @GlobalTransaction().');
}
