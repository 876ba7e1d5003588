import { Controller, Get, NotFoundException, Param } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Account } from './account.entity.js';
import { readAccount } from './account-reader.js';
import { type AccountView, accountName } from './account-schemas.js';

const LISTED_MAX = 1000;

/** For looking only: what changes an account are the operations, called by transactions. */
@Controller('accounts')
export class AccountsController {
  constructor(private readonly dataSource: DataSource) {}

  /** The number of accounts, the sum of their balances, and the first of them. */
  @Get()
  async list() {
    return this.dataSource.transaction('REPEATABLE READ', async (manager) => {
      const [sums] = await manager.query('SELECT count(*) AS count, coalesce(sum(balance), 0) AS total FROM account');
      const accounts = await manager.find(Account, { order: { account: 'ASC' }, take: LISTED_MAX });
      return { count: Number(sums.count), total: Number(sums.total), accounts };
    });
  }

  @Get(':account')
  async show(@Param('account') account: string): Promise<AccountView> {
    const view = accountName.safeParse(account).success
      ? await this.dataSource.transaction('REPEATABLE READ', (manager) => readAccount(manager, account))
      : undefined;
    if (!view) throw new NotFoundException(`There is no account "${account}".`);
    return view;
  }
}
