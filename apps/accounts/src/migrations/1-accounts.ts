import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Accounts1735689600101 implements MigrationInterface {
  readonly name = 'Accounts1735689600101';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE account (
        account text PRIMARY KEY,
        balance bigint NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991)
      )`);
    await queryRunner.query(`
      CREATE TABLE account_entry (
        account text NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY,
        amount bigint NOT NULL,
        reference text NOT NULL,
        PRIMARY KEY (account, position)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE account_entry');
    await queryRunner.query('DROP TABLE account');
  }
}
