import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The two tables that make a database a participant's.
 *
 * `concordat_branch` holds one row per transaction that wrote here or was rolled back before it could. A branch inserts
 * its row as `committed` in its own database transaction: nobody sees the row before `COMMIT PREPARED`, and then it is
 * true. An `aborted` row is left by a rollback.
 */
export class BranchTables1735689600001 implements MigrationInterface {
  readonly name = 'BranchTables1735689600001';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE concordat_branch (
        transaction_id text COLLATE "C" NOT NULL,
        participant text COLLATE "C" NOT NULL,
        state text COLLATE "C" NOT NULL CHECK (state IN ('committed', 'aborted')),
        incarnation bigint NOT NULL,
        term bigint NOT NULL,
        sequence bigint NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (transaction_id, participant)
      ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000)`);
    await queryRunner.query('CREATE INDEX concordat_branch_order ON concordat_branch (incarnation, term, sequence)');
    await queryRunner.query(`
      CREATE TABLE concordat_participant (
        participant text COLLATE "C" PRIMARY KEY,
        incarnation bigint NOT NULL DEFAULT 0,
        horizon_incarnation bigint NOT NULL DEFAULT 0,
        horizon_term bigint NOT NULL DEFAULT 0,
        horizon_sequence bigint NOT NULL DEFAULT 0,
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE concordat_participant');
    await queryRunner.query('DROP TABLE concordat_branch');
  }
}
