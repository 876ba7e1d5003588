import type { Isolation } from '@concordat/protocol';
import type pg from 'pg';
import type { ParticipantLimits } from './limits.js';

/** The database server is not set up for a participant. The message says what to change and how. */
export class PreflightError extends Error {
  override readonly name = 'PreflightError';
}

const SERVER_VERSION_MIN = 140_000;

/** Refuses a server on which a durable prepare would be no promise, or not possible at all. */
export async function checkServer(pool: pg.Pool, limits: ParticipantLimits, isolation: Isolation): Promise<void> {
  const { rows } = await pool.query<Record<string, string>>(
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('max_prepared_transactions') AS max_prepared, current_setting('max_connections') AS max_connections,
       current_setting('server_version_num') AS version, pg_is_in_recovery()::text AS in_recovery`,
  );
  const settings = rows[0] ?? {};
  const problems: string[] = [];
  if (Number(settings.version) < SERVER_VERSION_MIN) problems.push('Postgres 14 or newer is needed.');
  if (settings.in_recovery === 'true') problems.push('The server is a read-only standby; connect to its primary.');
  if (settings.fsync === 'off') {
    problems.push('fsync is off, so a prepared branch could be lost; set fsync = on in postgresql.conf and reload.');
  }
  if (settings.synchronous_commit === 'off') {
    problems.push(
      'synchronous_commit is off, so an answer could be lost; run ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf(); (see also ALTER ROLE and ALTER DATABASE settings).',
    );
  }
  const prepared = Number(settings.max_prepared);
  // Versions are prepared by an ordinary commit.
  if (isolation === 'local' && prepared < limits.prepareConcurrency) {
    const advised = Math.max(200, limits.prepareConcurrency * 4);
    problems.push(
      `max_prepared_transactions is ${prepared}; at least ${limits.prepareConcurrency} are needed (max_prepared_transactions >= ${limits.prepareConcurrency} for each participant of the server, advised: all transactions that may be in flight). Run ALTER SYSTEM SET max_prepared_transactions = ${advised}; and restart Postgres.`,
    );
  }
  const reads = isolation === 'global' ? limits.readConcurrency : 0;
  const connections = limits.prepareConcurrency + limits.finaliseConcurrency + reads;
  if (Number(settings.max_connections) <= connections) {
    problems.push(
      `max_connections is ${settings.max_connections}, and this participant alone uses ${connections}; raise it or lower prepareConcurrency.`,
    );
  }
  if (problems.length > 0) throw new PreflightError(`This Postgres cannot serve a participant. ${problems.join(' ')}`);
}
