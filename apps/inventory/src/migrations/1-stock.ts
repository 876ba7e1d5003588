import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Stock1735689600201 implements MigrationInterface {
  readonly name = 'Stock1735689600201';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE stock (
        sku text PRIMARY KEY,
        available bigint NOT NULL CHECK (available >= 0),
        reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
        CHECK (available + reserved <= 9007199254740991)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE stock');
  }
}
