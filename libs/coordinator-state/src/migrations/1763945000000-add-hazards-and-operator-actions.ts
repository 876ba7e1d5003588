import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Contradictions that nobody has acknowledged yet, and what operators did. Few rows, both. */
export class AddHazardsAndOperatorActions1763945000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE open_hazard (
        transaction_id text NOT NULL,
        participant text NOT NULL,
        kind text NOT NULL,
        outcome text NOT NULL,
        csn bigint,
        detail text NOT NULL,
        raised_at timestamptz NOT NULL,
        PRIMARY KEY (transaction_id, participant)
      )`);
    await runner.query(`
      CREATE TABLE operator_action (
        id bigint PRIMARY KEY,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        action text NOT NULL,
        target text NOT NULL,
        reason text,
        outcome text
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE operator_action');
    await runner.query('DROP TABLE open_hazard');
  }
}
