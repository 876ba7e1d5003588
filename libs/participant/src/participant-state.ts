import { compareTransactionIds, parseTransactionId, type TransactionIdParts } from '@concordat/protocol';
import type pg from 'pg';
import type { Clock } from './backoff.js';
import { Troubles } from './troubles.js';

const ZERO: TransactionIdParts = { incarnation: 0, term: 0, sequence: 0 };

/** An incarnation is a Unix time in ms (D1); one that lies further ahead than this was made by no clock of a cluster. */
const INCARNATION_AHEAD_MAX_MS = 24 * 60 * 60 * 1000;

const CSN_PER_MS = 1024;

/**
 * What a participant remembers beside its branches: the highest incarnation it saw (D1) and the horizon (D7). Both
 * only grow. The incarnation is durable before anything of it is executed; the horizon before any row goes by it.
 */
export class ParticipantState {
  readonly troubles = new Troubles();
  #incarnation = 0;
  #horizon: TransactionIdParts = ZERO;
  #durableHorizon: TransactionIdParts = ZERO;

  constructor(
    private readonly participant: string,
    private readonly pool: pg.Pool,
    private readonly clock: Clock,
  ) {}

  async load(): Promise<void> {
    await this.pool.query('INSERT INTO concordat_participant (participant) VALUES ($1) ON CONFLICT DO NOTHING', [
      this.participant,
    ]);
    const { rows } = await this.pool.query(
      `SELECT incarnation, horizon_incarnation, horizon_term, horizon_sequence
       FROM concordat_participant WHERE participant = $1`,
      [this.participant],
    );
    const [row] = rows;
    this.#incarnation = Math.max(this.#incarnation, Number(row.incarnation));
    this.#durableHorizon = {
      incarnation: Number(row.horizon_incarnation),
      term: Number(row.horizon_term),
      sequence: Number(row.horizon_sequence),
    };
    this.#horizon = later(this.#horizon, this.#durableHorizon);
  }

  /** Whether an id can have been made by a cluster: garbage must not shut out every real transaction for ever. */
  isPlausible(transactionId: string): boolean {
    const parts = parseTransactionId(transactionId);
    return parts !== undefined && parts.incarnation <= this.clock.nowMs() + INCARNATION_AHEAD_MAX_MS;
  }

  /**
   * Whether a number can be one of a cluster: incarnation × 1024 + log index, and no log grows by 1024 entries per ms. One
   * from the future, once believed, would let snapshots be read before their past is complete, or be collected.
   */
  isPlausibleCsn(csn: number | undefined): boolean {
    return csn !== undefined && csn <= (this.clock.nowMs() + INCARNATION_AHEAD_MAX_MS) * CSN_PER_MS;
  }

  /** Learns the horizon that came with a command. A command above its own horizon only: others prove nothing. */
  observeHorizon(transactionId: string, horizon: string): void {
    const id = parseTransactionId(transactionId);
    const parts = parseTransactionId(horizon);
    if (id && parts && compareTransactionIds(parts, id) <= 0) this.#horizon = later(this.#horizon, parts);
  }

  /** Against the highest horizon known, or the one that came with the command if that is higher. */
  isBelowHorizon(transactionId: string, horizon?: string): boolean {
    const id = parseTransactionId(transactionId) ?? ZERO;
    const given = (horizon && parseTransactionId(horizon)) || ZERO;
    return compareTransactionIds(id, later(this.#horizon, given)) < 0;
  }

  isStale(transactionId: string): boolean {
    return (parseTransactionId(transactionId)?.incarnation ?? 0) < this.#incarnation;
  }

  /** D1: durable before the first branch of a new incarnation is executed. Once per incarnation this waits. */
  async admitIncarnationOf(transactionId: string): Promise<void> {
    await this.admitIncarnation(parseTransactionId(transactionId)?.incarnation ?? 0);
  }

  /** D1: from now on, and after every restart, nothing of a lower incarnation is executed. */
  async admitIncarnation(incarnation: number): Promise<void> {
    if (incarnation <= this.#incarnation) return;
    const { rows } = await this.pool.query(
      `UPDATE concordat_participant SET incarnation = GREATEST(incarnation, $2), updated_at = clock_timestamp()
       WHERE participant = $1 RETURNING incarnation`,
      [this.participant, incarnation],
    );
    this.#incarnation = Math.max(this.#incarnation, Number(rows[0]?.incarnation ?? 0));
  }

  /** Persists the horizon where it rose since. Answers the durable one. */
  async persistHorizon(): Promise<TransactionIdParts> {
    const horizon = this.#horizon;
    if (compareTransactionIds(horizon, this.#durableHorizon) > 0) {
      await this.pool.query(
        `UPDATE concordat_participant
         SET horizon_incarnation = $2, horizon_term = $3, horizon_sequence = $4, updated_at = clock_timestamp()
         WHERE participant = $1 AND (horizon_incarnation, horizon_term, horizon_sequence) < ($2, $3, $4)`,
        [this.participant, horizon.incarnation, horizon.term, horizon.sequence],
      );
      this.#durableHorizon = horizon;
    }
    return this.#durableHorizon;
  }
}

const later = (a: TransactionIdParts, b: TransactionIdParts): TransactionIdParts =>
  compareTransactionIds(a, b) >= 0 ? a : b;
