import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Postgres gives bigints as text; a table constraint keeps these within safe integers. */
const safeInteger = { from: (value: string) => Number(value), to: (value: number) => value };

@Entity('stock')
export class Stock {
  @PrimaryColumn('text')
  sku!: string;

  /** Pieces that may be reserved. */
  @Column('bigint', { transformer: safeInteger })
  available!: number;

  /** Pieces that are on the shelf and promised. */
  @Column('bigint', { transformer: safeInteger })
  reserved!: number;
}
