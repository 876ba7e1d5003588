import { Operation, type OperationContext, Refusal } from '@concordat/participant';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Account } from './account.entity.js';
import { readAccount } from './account-reader.js';
import {
  type AccountView,
  type BalanceResult,
  balanceResult,
  type MovementInput,
  movementInput,
  type OpenInput,
  openInput,
  type ReadInput,
  readInput,
  readResult,
} from './account-schemas.js';

/** The work this service does in transactions. Each method runs in the branch's own database transaction. */
@Injectable()
export class AccountOperations {
  @Operation('open', { input: openInput, result: balanceResult })
  async open({ account, balance }: OpenInput, { manager }: OperationContext): Promise<BalanceResult> {
    if (await manager.existsBy(Account, { account })) {
      throw new Refusal('account-exists', `The account "${account}" exists already.`);
    }
    await manager.insert(Account, { account, balance });
    return { account, balance };
  }

  @Operation('credit', { input: movementInput, result: balanceResult })
  async credit({ account, amount, reference }: MovementInput, { manager }: OperationContext): Promise<BalanceResult> {
    const balance = await move(manager, account, amount, reference);
    if (balance !== undefined) return { account, balance };
    await refuseMissing(manager, account);
    throw new Refusal('balance-limit', `The account "${account}" cannot hold that much.`);
  }

  @Operation('debit', { input: movementInput, result: balanceResult })
  async debit({ account, amount, reference }: MovementInput, { manager }: OperationContext): Promise<BalanceResult> {
    const balance = await move(manager, account, -amount, reference);
    if (balance !== undefined) return { account, balance };
    await refuseMissing(manager, account);
    throw new Refusal('insufficient-funds', `The account "${account}" has less than ${amount}.`);
  }

  @Operation('read', { input: readInput, result: readResult, readOnly: true })
  async read({ account }: ReadInput, { manager }: OperationContext): Promise<AccountView> {
    const view = await readAccount(manager, account);
    if (!view) throw accountNotFound(account);
    return view;
  }
}

/**
 * Moves the balance and writes the entry in one statement, and so in one round trip. Answers the new balance, or nothing
 * when there is no such account or the new balance would be out of bounds.
 */
async function move(
  manager: EntityManager,
  account: string,
  amount: number,
  reference: string,
): Promise<number | undefined> {
  const rows: { balance: string }[] = await manager.query(
    `WITH moved AS (
       UPDATE account SET balance = balance + $2::bigint
       WHERE account = $1 AND balance + $2::bigint BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER}
       RETURNING account, balance
     ), entry AS (
       INSERT INTO account_entry (account, amount, reference) SELECT account, $2::bigint, $3 FROM moved
     )
     SELECT balance FROM moved`,
    [account, amount, reference],
  );
  return rows[0] && Number(rows[0].balance);
}

async function refuseMissing(manager: EntityManager, account: string): Promise<void> {
  if (!(await manager.existsBy(Account, { account }))) throw accountNotFound(account);
}

const accountNotFound = (account: string) => new Refusal('account-not-found', `There is no account "${account}".`);
