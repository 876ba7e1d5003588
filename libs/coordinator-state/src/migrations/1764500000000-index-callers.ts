import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lists of one caller's transactions. An open coordinator has one caller, whose lists need no index and whose rows no entry. */
export class IndexCallers1764500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX transaction_caller ON transaction (caller, incarnation, term, sequence) WHERE caller <> 'anonymous'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX transaction_caller');
  }
}
