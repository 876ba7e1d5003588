import type { TransactionIdParts } from '@concordat/protocol';
import type pg from 'pg';
import type { ParticipantState } from './participant-state.js';

/** Statements per run: what is left waits for the next one. */
const BATCHES_MAX = 20;

/**
 * Collects branch rows (S8): those below a horizon that was durable before the oldest running database transaction
 * began. By then they were finalised, since the horizon passes a transaction only after every branch was done (D7).
 * A prepare that began earlier still finds the row; one that began later finds the horizon in its own snapshot.
 */
export class BranchGarbage {
  /** A durable horizon, and a moment by the server's clock (as text, to the microsecond) when it was so already. */
  #mark: { horizon: TransactionIdParts; at: string } | undefined;

  constructor(
    private readonly participant: string,
    private readonly pool: pg.Pool,
    private readonly state: ParticipantState,
    private readonly batchMax: number,
  ) {}

  /** Answers how many rows went. */
  async collect(): Promise<number> {
    this.#mark ??= await this.#newMark();
    const { horizon, at } = this.#mark;
    if (await this.#anyTransactionSince(at)) return 0;
    let collected = 0;
    for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
      const count = await this.#deleteBatch(horizon);
      collected += count;
      if (count < this.batchMax) {
        this.#mark = undefined;
        break;
      }
    }
    return collected;
  }

  async #newMark() {
    const horizon = await this.state.persistHorizon();
    const { rows } = await this.pool.query<{ at: string }>('SELECT clock_timestamp()::text AS at');
    return { horizon, at: rows[0]?.at ?? '-infinity' };
  }

  /** Whether a transaction of this database is still running that began before that moment. */
  async #anyTransactionSince(at: string): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `SELECT 1 FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start <= $1::timestamptz
         AND backend_type = 'client backend' LIMIT 1`,
      [at],
    );
    return rowCount !== 0;
  }

  async #deleteBatch({ incarnation, term, sequence }: TransactionIdParts): Promise<number> {
    const { rowCount } = await this.pool.query(
      `DELETE FROM concordat_branch WHERE participant = $1 AND transaction_id IN (
         SELECT transaction_id FROM concordat_branch
         WHERE participant = $1 AND (incarnation, term, sequence) < ($2, $3, $4) AND state <> 'prepared'
         ORDER BY incarnation, term, sequence LIMIT $5)`,
      [this.participant, incarnation, term, sequence, this.batchMax],
    );
    return rowCount ?? 0;
  }
}
