import { Controller, Get, NotFoundException, Param } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type StockView, skuName } from './stock-schemas.js';
import { readStock } from './stock-view.js';

/** For looking only: what changes the stock are the operations, called by transactions. */
@Controller('stock')
export class StockController {
  constructor(private readonly dataSource: DataSource) {}

  @Get(':sku')
  async show(@Param('sku') sku: string): Promise<StockView> {
    const view = skuName.safeParse(sku).success ? await readStock(this.dataSource.manager, sku) : undefined;
    if (!view) throw new NotFoundException(`There is no stock of "${sku}".`);
    return view;
  }
}
