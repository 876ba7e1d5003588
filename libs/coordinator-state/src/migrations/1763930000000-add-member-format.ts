import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The highest format of entries that a member understands; 1 where it has not said. */
export class AddMemberFormat1763930000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE member ADD COLUMN format_version integer NOT NULL DEFAULT 1');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE member DROP COLUMN format_version');
  }
}
