import { Operation, type OperationContext, Refusal } from '@concordat/participant';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Voucher } from './voucher.js';

const issue = z.object({ code: z.string().max(100), cents: z.int().positive() });
const redeem = z.object({ code: z.string().max(100), order: z.string().max(100) });

@Injectable()
export class VoucherOperations {
  @Operation('issue', { input: issue })
  async issue({ code, cents }: z.output<typeof issue>, { manager }: OperationContext) {
    await manager.insert(Voucher, { code, cents, spentOn: null });
    return { code, cents };
  }

  @Operation('redeem', { input: redeem })
  async redeem({ code, order }: z.output<typeof redeem>, { manager }: OperationContext) {
    const voucher = await manager.findOneBy(Voucher, { code });
    if (!voucher) throw new Refusal('voucher-unknown', `There is no voucher ${code}.`);
    if (voucher.spentOn === order) return { code, cents: voucher.cents }; // asked for again: it is done already
    if (voucher.spentOn !== null) throw new Refusal('voucher-spent', `Voucher ${code} is spent.`);
    await manager.update(Voucher, { code }, { spentOn: order });
    return { code, cents: voucher.cents };
  }
}
