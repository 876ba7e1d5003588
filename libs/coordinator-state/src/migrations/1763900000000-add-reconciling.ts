import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whether transactions of earlier incarnations still wait for the word of their participants, after a restore. */
export class AddReconciling1763900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE coordinator_state ADD COLUMN reconciling boolean NOT NULL DEFAULT false');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE coordinator_state DROP COLUMN reconciling');
  }
}
