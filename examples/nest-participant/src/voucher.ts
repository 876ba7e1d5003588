import { Controller, Get, NotFoundException, Param } from '@nestjs/common';
import { Column, DataSource, Entity, type MigrationInterface, PrimaryColumn, type QueryRunner } from 'typeorm';

@Entity()
export class Voucher {
  @PrimaryColumn('text') code!: string;
  @Column('integer') cents!: number;
  /** What it was redeemed for; null as long as it can be. */
  @Column('text', { name: 'spent_on', nullable: true }) spentOn!: string | null;
}

export class CreateVoucher1735689600001 implements MigrationInterface {
  async up(database: QueryRunner): Promise<void> {
    await database.query('CREATE TABLE voucher (code text PRIMARY KEY, cents integer NOT NULL, spent_on text)');
  }

  async down(database: QueryRunner): Promise<void> {
    await database.query('DROP TABLE voucher');
  }
}

@Controller('vouchers')
export class VouchersController {
  constructor(private readonly dataSource: DataSource) {}

  @Get(':code')
  async read(@Param('code') code: string): Promise<Voucher> {
    const voucher = await this.dataSource.manager.findOneBy(Voucher, { code });
    if (!voucher) throw new NotFoundException(`There is no voucher ${code}.`);
    return voucher;
  }
}
