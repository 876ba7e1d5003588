import type { SnapshotReader } from '@concordat/participant';
import { Account, AccountEntry } from './account.entity.js';
import type { AccountView } from './account-schemas.js';

/** Reads an account and its entries; undefined when there is no such account. */
export async function readAccount(reader: SnapshotReader, account: string): Promise<AccountView | undefined> {
  const [found, entries] = await Promise.all([
    reader.get(Account, { account }),
    reader.find(AccountEntry, { where: { account } }),
  ]);
  return found && { account, balance: found.balance, entries: entries.map(({ reference }) => reference) };
}
