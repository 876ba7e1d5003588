import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Read snapshots that are leased: few rows, all of them loaded at a start. */
export class AddLeasedSnapshots1763920000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE leased_snapshot (
        id text PRIMARY KEY,
        csn bigint NOT NULL,
        created_at timestamptz NOT NULL,
        ttl_ms bigint NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE leased_snapshot');
  }
}
