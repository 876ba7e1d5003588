import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Postgres gives bigints as text; a table constraint keeps these within safe integers. */
export const safeInteger = { from: (value: string) => Number(value), to: (value: number) => value };

/** Amounts are whole minor units, such as cents. */
@Entity('account')
export class Account {
  @PrimaryColumn('text')
  account!: string;

  @Column('bigint', { transformer: safeInteger })
  balance!: number;
}

/** One credit or debit, in the order in which they were committed. */
@Entity('account_entry')
export class AccountEntry {
  @PrimaryColumn('text')
  account!: string;

  @PrimaryColumn('bigint')
  position!: string;

  /** Negative for a debit. */
  @Column('bigint', { transformer: safeInteger })
  amount!: number;

  @Column('text')
  reference!: string;
}
