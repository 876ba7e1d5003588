import type { EntityManager } from 'typeorm';
import { Stock } from './stock.entity.js';
import type { StockView } from './stock-schemas.js';

export const viewOf = ({ sku, available, reserved }: Stock): StockView => ({
  sku,
  onHand: available + reserved,
  available,
  reserved,
});

/** Undefined when the sku was never stocked. */
export async function readStock(manager: EntityManager, sku: string): Promise<StockView | undefined> {
  const stock = await manager.findOneBy(Stock, { sku });
  return stock ? viewOf(stock) : undefined;
}
