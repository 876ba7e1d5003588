import { SnapshotReads } from '@concordat/participant';
import { BadRequestException, Controller, Get, NotFoundException, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import { Account } from './account.entity.js';
import { readAccount } from './account-reader.js';
import { accountName } from './account-schemas.js';

const LISTED_MAX = 1000;

const snapshotNumber = z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/**
 * For looking only: what changes an account are the operations, called by transactions. `?snapshot=` reads at that commit
 * sequence number; without it everything decided before the call is seen. The answer names the snapshot.
 */
@Controller('accounts')
export class AccountsController {
  constructor(private readonly reads: SnapshotReads) {}

  /** The number of accounts, the sum of their balances, and the first of them. */
  @Get()
  async list(@Query('snapshot') wanted?: string) {
    const reader = await this.reads.at(snapshotOf(wanted));
    const accounts = await reader.find(Account);
    return {
      snapshot: reader.snapshot,
      count: accounts.length,
      total: accounts.reduce((sum, { balance }) => sum + balance, 0),
      accounts: accounts.slice(0, LISTED_MAX).map(({ account, balance }) => ({ account, balance })),
    };
  }

  @Get(':account')
  async show(@Param('account') account: string, @Query('snapshot') wanted?: string) {
    const number = snapshotOf(wanted);
    const reader = accountName.safeParse(account).success ? await this.reads.at(number) : undefined;
    const view = reader && (await readAccount(reader, account));
    if (!view) throw new NotFoundException(`There is no account "${account}".`);
    return { snapshot: reader.snapshot, ...view };
  }
}

function snapshotOf(wanted: string | undefined): number | undefined {
  if (wanted === undefined) return undefined;
  const parsed = snapshotNumber.safeParse(wanted === '' ? undefined : wanted);
  if (parsed.success) return parsed.data;
  throw new BadRequestException('"snapshot" is to be a commit sequence number.');
}
