import { Operation, type OperationContext, Refusal, type SnapshotStore } from '@concordat/participant';
import { Injectable } from '@nestjs/common';
import { Account, AccountEntry } from './account.entity.js';
import { readAccount } from './account-reader.js';
import {
  type AccountView,
  type AppendInput,
  type AppendResult,
  appendInput,
  appendResult,
  type BalanceResult,
  balanceResult,
  type MovementInput,
  movementInput,
  type OpenInput,
  openInput,
  type PostInput,
  type PostResult,
  postInput,
  postResult,
  type ReadInput,
  readInput,
  readResult,
} from './account-schemas.js';

/** The work this service does in transactions. Each method works at the transaction's snapshot. */
@Injectable()
export class AccountOperations {
  @Operation('open', { input: openInput, result: balanceResult })
  async open({ account, balance }: OpenInput, { store }: OperationContext): Promise<BalanceResult> {
    if (await store.get(Account, { account })) {
      throw new Refusal('account-exists', `The account "${account}" exists already.`);
    }
    await store.put(Account, { account, balance, entryCount: 0 });
    return { account, balance };
  }

  @Operation('credit', { input: movementInput, result: balanceResult })
  async credit({ account, amount, reference }: MovementInput, { store }: OperationContext): Promise<BalanceResult> {
    const found = await existing(store, account);
    if (found.balance + amount > Number.MAX_SAFE_INTEGER) {
      throw new Refusal('balance-limit', `The account "${account}" cannot hold that much.`);
    }
    const { balance } = await move(store, found, amount, reference);
    return { account, balance };
  }

  @Operation('debit', { input: movementInput, result: balanceResult })
  async debit({ account, amount, reference }: MovementInput, { store }: OperationContext): Promise<BalanceResult> {
    const found = await existing(store, account);
    if (found.balance < amount) {
      throw new Refusal('insufficient-funds', `The account "${account}" has less than ${amount}.`);
    }
    const { balance } = await move(store, found, -amount, reference);
    return { account, balance };
  }

  /** Notes a reference without moving anything. */
  @Operation('append', { input: appendInput, result: appendResult })
  async append({ account, reference }: AppendInput, { store }: OperationContext): Promise<AppendResult> {
    const { entryCount } = await move(store, await existing(store, account), 0, reference);
    return { account, entries: entryCount };
  }

  @Operation('read', { input: readInput, result: readResult, readOnly: true })
  async read({ account }: ReadInput, { store }: OperationContext): Promise<AccountView> {
    const view = await readAccount(store, account);
    if (!view) throw accountNotFound(account);
    return view;
  }

  /** Several of the operations above, in order. */
  @Operation('post', { input: postInput, result: postResult })
  async post({ operations }: PostInput, context: OperationContext): Promise<PostResult> {
    const results: PostResult['results'] = [];
    for (const call of operations) results.push(await this.#run(call, context));
    return { results };
  }

  #run(call: PostInput['operations'][number], context: OperationContext): Promise<PostResult['results'][number]> {
    switch (call.operation) {
      case 'open':
        return this.open(call.input, context);
      case 'credit':
        return this.credit(call.input, context);
      case 'debit':
        return this.debit(call.input, context);
      case 'append':
        return this.append(call.input, context);
      case 'read':
        return this.read(call.input, context);
    }
  }
}

async function existing(store: SnapshotStore, account: string): Promise<Account> {
  const found = await store.get(Account, { account });
  if (!found) throw accountNotFound(account);
  return found;
}

/**
 * Moves the balance and writes the entry. No two transactions write the same entry: whoever has written the account
 * first has that position.
 */
async function move(
  store: SnapshotStore,
  { account, balance, entryCount }: Account,
  amount: number,
  reference: string,
): Promise<Account> {
  const moved = { account, balance: balance + amount, entryCount: entryCount + 1 };
  await store.put(Account, moved);
  await store.put(AccountEntry, { account, position: moved.entryCount, amount, reference });
  return moved;
}

const accountNotFound = (account: string) => new Refusal('account-not-found', `There is no account "${account}".`);
