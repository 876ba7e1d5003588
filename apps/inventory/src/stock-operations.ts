import { Operation, type OperationContext, Refusal } from '@concordat/participant';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import {
  type ReadInput,
  type ReservationInput,
  readInput,
  reservationInput,
  type StockInput,
  type StockView,
  stockInput,
  stockResult,
} from './stock-schemas.js';
import { readStock, viewOf } from './stock-view.js';

/** The work this service does in transactions. Each method runs in the branch's own database transaction. */
@Injectable()
export class StockOperations {
  @Operation('stock', { input: stockInput, result: stockResult })
  async stock({ sku, quantity }: StockInput, { manager }: OperationContext): Promise<StockView> {
    const view = await change(
      manager,
      `INSERT INTO stock AS s (sku, available) VALUES ($1, $2)
       ON CONFLICT (sku) DO UPDATE SET available = s.available + excluded.available
       WHERE s.available + s.reserved + excluded.available <= ${Number.MAX_SAFE_INTEGER}`,
      sku,
      quantity,
    );
    if (!view) throw new Refusal('stock-limit', `So many pieces of "${sku}" cannot be counted.`);
    return view;
  }

  @Operation('reserve', { input: reservationInput, result: stockResult })
  async reserve({ sku, quantity }: ReservationInput, { manager }: OperationContext): Promise<StockView> {
    const view = await change(
      manager,
      `UPDATE stock SET available = available - $2::bigint, reserved = reserved + $2::bigint
       WHERE sku = $1 AND available >= $2::bigint`,
      sku,
      quantity,
    );
    if (view) return view;
    const { available } = await readExisting(manager, sku);
    throw new Refusal('out-of-stock', `Of "${sku}" ${available} pieces are available, not ${quantity}.`);
  }

  @Operation('release', { input: reservationInput, result: stockResult })
  async release({ sku, quantity }: ReservationInput, { manager }: OperationContext): Promise<StockView> {
    const view = await change(
      manager,
      `UPDATE stock SET available = available + $2::bigint, reserved = reserved - $2::bigint
       WHERE sku = $1 AND reserved >= $2::bigint`,
      sku,
      quantity,
    );
    if (view) return view;
    const { reserved } = await readExisting(manager, sku);
    throw new Refusal('not-reserved', `Of "${sku}" ${reserved} pieces are reserved, not ${quantity}.`);
  }

  @Operation('read', { input: readInput, result: stockResult, readOnly: true })
  read({ sku }: ReadInput, { manager }: OperationContext): Promise<StockView> {
    return readExisting(manager, sku);
  }
}

/** Runs a statement that changes one row of stock. Answers the row as it is then, or nothing if none was changed. */
async function change(
  manager: EntityManager,
  statement: string,
  sku: string,
  quantity: number,
): Promise<StockView | undefined> {
  const [row]: { sku: string; available: string; reserved: string }[] = await manager.query(
    `WITH changed AS (${statement} RETURNING *) SELECT sku, available, reserved FROM changed`,
    [sku, quantity],
  );
  return row && viewOf({ sku, available: Number(row.available), reserved: Number(row.reserved) });
}

async function readExisting(manager: EntityManager, sku: string): Promise<StockView> {
  const view = await readStock(manager, sku);
  if (!view) throw new Refusal('sku-not-found', `There is no stock of "${sku}".`);
  return view;
}
