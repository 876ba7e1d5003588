import type { MigrationInterface, QueryRunner } from 'typeorm';

/** After a restore: whether the transactions of earlier incarnations still wait for the word of their participants. */
export class AddReconciliation1763910000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE coordinator_state ADD COLUMN reconciliation text CHECK (reconciliation IN ('pending', 'done'))`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE coordinator_state DROP COLUMN reconciliation');
  }
}
