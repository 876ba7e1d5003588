import { z } from 'zod';

export const skuName = z
  .string()
  .min(1)
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is shut out
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'no control characters')
  .describe('Stock keeping unit: the name of a kind of goods.');
const pieces = z.int().nonnegative();

export const stockInput = z.object({ sku: skuName, quantity: pieces.describe('Pieces that arrived.') });
export const reservationInput = z.object({ sku: skuName, quantity: z.int().positive() });
export const readInput = z.object({ sku: skuName });

export const stockResult = z.object({
  sku: skuName,
  onHand: pieces.describe('All pieces on the shelf.'),
  available: pieces.describe('Those that may be reserved.'),
  reserved: pieces.describe('Those that are promised.'),
});

export type StockInput = z.output<typeof stockInput>;
export type ReservationInput = z.output<typeof reservationInput>;
export type ReadInput = z.output<typeof readInput>;
export type StockView = z.output<typeof stockResult>;
