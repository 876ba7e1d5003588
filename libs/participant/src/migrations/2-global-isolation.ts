import { SHARED_STATEMENTS } from '@concordat/snapshot';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What global isolation adds: branches that are prepared in a row of their own, read marks, unique values in versions,
 * and a list of the versioned entities, which tells whose each table is.
 */
export class GlobalIsolation1735689600002 implements MigrationInterface {
  readonly name = 'GlobalIsolation1735689600002';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of SHARED_STATEMENTS) await queryRunner.query(statement);
    await queryRunner.query(`
      CREATE TABLE concordat_versioned_entity (
        table_name text COLLATE "C" PRIMARY KEY,
        entity text NOT NULL,
        participant text COLLATE "C" NOT NULL,
        uniques jsonb NOT NULL
      )`);
    // Those who are undecided are looked for again and again, among many that are decided.
    await queryRunner.query(
      `CREATE INDEX concordat_branch_prepared ON concordat_branch (participant) WHERE state = 'prepared'`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX concordat_branch_prepared');
    await queryRunner.query('DROP TABLE concordat_versioned_entity');
    await queryRunner.query('DROP TABLE concordat_unique_version');
    await queryRunner.query('DROP TABLE concordat_read_mark');
    await queryRunner.query('DROP FUNCTION concordat_refuse_write');
    await queryRunner.query('ALTER TABLE concordat_participant DROP COLUMN gc_csn');
    await queryRunner.query(`DELETE FROM concordat_branch WHERE state = 'prepared'`);
    await queryRunner.query(
      'ALTER TABLE concordat_branch DROP COLUMN csn, DROP COLUMN snapshot, DROP COLUMN vote, RESET (fillfactor)',
    );
  }
}
