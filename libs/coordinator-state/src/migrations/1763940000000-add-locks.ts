import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who holds which lock, and the sessions that keep locks alive: few rows, all of them loaded at a start. */
export class AddLocks1763940000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE lock_session (
        id text PRIMARY KEY,
        owner text NOT NULL,
        caller text NOT NULL,
        key text,
        ttl_ms bigint NOT NULL,
        renewals bigint NOT NULL,
        created_at timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE lock_hold (
        token bigint PRIMARY KEY,
        name text NOT NULL,
        mode text NOT NULL CHECK (mode IN ('exclusive', 'shared')),
        owner text NOT NULL,
        caller text NOT NULL,
        key text,
        ttl_ms bigint NOT NULL,
        session text,
        renewals bigint NOT NULL,
        granted_at timestamptz NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE lock_hold');
    await runner.query('DROP TABLE lock_session');
  }
}
