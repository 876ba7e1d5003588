import type { SnapshotReader } from '@concordat/participant';
import { Account, AccountEntry } from './account.entity.js';
import type { AccountView } from './account-schemas.js';

/**
 * Reads an account and its entries; undefined when there is no such account. The entries are read one by one, by their
 * positions: a search would mark the whole table as read, and a serializable reader stand in the way of every movement.
 */
export async function readAccount(reader: SnapshotReader, account: string): Promise<AccountView | undefined> {
  const found = await reader.get(Account, { account });
  if (!found) return undefined;
  const keys = Array.from({ length: found.entryCount }, (_, index) => ({ account, position: index + 1 }));
  const entries = await reader.getMany(AccountEntry, keys);
  return { account, balance: found.balance, entries: entries.map(({ reference }) => reference) };
}
