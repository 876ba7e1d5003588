import { VersionedEntity } from '@concordat/participant';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Postgres gives bigints as text; the operations keep these within safe integers. */
const safeInteger = { from: (value: string) => Number(value), to: (value: number) => value };

/** Amounts are whole minor units, such as cents. */
@Entity('account')
@VersionedEntity()
export class Account {
  @PrimaryColumn('text')
  account!: string;

  @Column('bigint', { transformer: safeInteger })
  balance!: number;

  /** How many entries it has; they are numbered from 1. */
  @Column('integer', { name: 'entry_count' })
  entryCount!: number;
}

/** One movement of an account. */
@Entity('account_entry')
@VersionedEntity()
export class AccountEntry {
  @PrimaryColumn('text')
  account!: string;

  @PrimaryColumn('integer')
  position!: number;

  /** Negative for a debit, zero for a mere note. */
  @Column('bigint', { transformer: safeInteger })
  amount!: number;

  @Column('text')
  reference!: string;
}
