import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The tables of one coordinator replica. Each index serves one named query, since every one of them costs CPU on the
 * hot path; those that a partial condition can keep small are partial.
 */
export class CreateCoordinatorTables1763700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE coordinator_state (
        singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        member_id text NOT NULL,
        incarnation bigint NOT NULL,
        applied_index bigint NOT NULL,
        applied_term bigint NOT NULL,
        published_index bigint NOT NULL,
        pruned_through text,
        writer text
      ) WITH (fillfactor = 10)`);
    await runner.query(`
      CREATE TABLE transaction (
        id text PRIMARY KEY,
        incarnation bigint NOT NULL,
        term bigint NOT NULL,
        sequence bigint NOT NULL,
        csn bigint,
        snapshot bigint,
        decided_index bigint,
        persisted_index bigint NOT NULL,
        created_at timestamptz NOT NULL,
        deadline_at timestamptz NOT NULL,
        decided_at timestamptz,
        completed_at timestamptz,
        serializable boolean NOT NULL,
        status text NOT NULL,
        outcome text,
        isolation text NOT NULL,
        label text,
        caller text NOT NULL,
        participants text[] NOT NULL,
        reason json,
        branches json NOT NULL
      )`);
    // Lists, newest first.
    await runner.query('CREATE INDEX transaction_order ON transaction (incarnation, term, sequence)');
    // What a start must load, and lists by a status other than completed: few rows among many.
    await runner.query(
      `CREATE INDEX transaction_live ON transaction (incarnation, term, sequence) WHERE status <> 'completed'`,
    );
    await runner.query(
      'CREATE INDEX transaction_label ON transaction (label, incarnation, term, sequence) WHERE label IS NOT NULL',
    );
    await runner.query('CREATE INDEX transaction_participants ON transaction USING gin (participants)');
    // Pruning.
    await runner.query(
      'CREATE INDEX transaction_completed_at ON transaction (completed_at) WHERE completed_at IS NOT NULL',
    );
    // What a start must publish again; a summary of page ranges is enough for a column that only grows.
    await runner.query('CREATE INDEX transaction_persisted_index ON transaction USING brin (persisted_index)');
    await runner.query(`
      CREATE TABLE idempotency_key (
        caller text NOT NULL,
        key text NOT NULL,
        request_hash text NOT NULL,
        transaction_id text NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (caller, key)
      )`);
    await runner.query('CREATE INDEX idempotency_key_created_at ON idempotency_key (created_at)');
    await runner.query(`
      CREATE TABLE member (
        raft_id bigint PRIMARY KEY,
        node_id bigint NOT NULL,
        address text NOT NULL,
        url text NOT NULL,
        removed boolean NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE participant (
        name text PRIMARY KEY,
        isolation text NOT NULL,
        operations json NOT NULL,
        registered_at timestamptz NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE member, participant, idempotency_key, transaction, coordinator_state');
  }
}
