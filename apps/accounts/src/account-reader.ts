import type { EntityManager } from 'typeorm';
import { Account, AccountEntry } from './account.entity.js';
import type { AccountView } from './account-schemas.js';

/** Reads an account and its entries; undefined when there is no such account. */
export async function readAccount(manager: EntityManager, account: string): Promise<AccountView | undefined> {
  const found = await manager.findOneBy(Account, { account });
  if (!found) return undefined;
  const entries = await manager.find(AccountEntry, {
    select: { reference: true },
    where: { account },
    order: { position: 'ASC' },
  });
  return { account, balance: found.balance, entries: entries.map(({ reference }) => reference) };
}
