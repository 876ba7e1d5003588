import { parseTransactionId, type ReportedBranch } from '@concordat/protocol';
import pg from 'pg';
import { BranchRows, partsOf } from './branch-rows.js';
import type { Connections } from './connections.js';
import type { FoundBranch } from './prepared-branches.js';
import { SQL_STATE, sqlStateOf } from './sql-state.js';

/** Bounds of one attempt to prepare, in ms. */
export interface AttemptLimits {
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

export type FinaliseResult = 'finalised' | 'not-prepared' | 'busy';
export type AbortRowResult = 'inserted' | 'exists' | 'busy';

/** A branch row waits for another copy of its transaction no longer than this. */
const BRANCH_ROW_LOCK_TIMEOUT_MS = 250;
/** Position of the row's insertion among the statements of `begin`. */
const INSERT_STATEMENT = 4;

/**
 * The branches of one participant with local isolation in its Postgres: all SQL of its protocol is here.
 *
 * Invariants:
 * - a branch row is inserted by the first statement of its database transaction, so no second copy can be prepared;
 * - global transaction identifiers are `concordat:<participant>:<transactionId>` and are always matched as a whole: one
 *   id may be a prefix of another, and identifiers are shared by all databases of a server.
 */
export class BranchStore extends BranchRows {
  readonly #gidPrefix: string;

  constructor(
    participant: string,
    private readonly connections: Connections,
  ) {
    super(participant, connections.finalise);
    this.#gidPrefix = `concordat:${participant}:`;
  }

  connect(): Promise<pg.PoolClient> {
    return this.connections.prepare.connect();
  }

  /**
   * Begins a branch that may write: snapshot, bounds, branch row, in one round trip. Answers whether the row was
   * inserted; if not, the transaction was decided or is not admitted. A lock timeout means that another copy of it is
   * at work or prepared.
   */
  async begin(client: pg.PoolClient, transactionId: string, limits: AttemptLimits): Promise<boolean> {
    const { incarnation, term, sequence } = partsOf(transactionId);
    const results = (await client.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE;
       SET LOCAL lock_timeout = ${Math.min(BRANCH_ROW_LOCK_TIMEOUT_MS, limits.lockTimeoutMs)};
       SET LOCAL statement_timeout = ${limits.statementTimeoutMs};
       SET LOCAL idle_in_transaction_session_timeout = ${limits.statementTimeoutMs};
       EXECUTE concordat_branch_insert('${transactionId}', ${incarnation}, ${term}, ${sequence});
       SET LOCAL lock_timeout = ${limits.lockTimeoutMs}`,
    )) as unknown as pg.QueryResult[];
    return results[INSERT_STATEMENT]?.rowCount === 1;
  }

  /** Begins a branch that cannot write and needs neither row nor second phase. */
  async beginReadOnly(client: pg.PoolClient, limits: AttemptLimits): Promise<void> {
    await client.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
       SET LOCAL lock_timeout = ${limits.lockTimeoutMs};
       SET LOCAL statement_timeout = ${limits.statementTimeoutMs};
       SET LOCAL idle_in_transaction_session_timeout = ${limits.statementTimeoutMs}`,
    );
  }

  /**
   * Makes the branch durable. Answers false where there was nothing left to prepare: Postgres turns the statement into
   * a rollback, without an error, when an earlier statement of the transaction had failed.
   */
  async prepare(client: pg.PoolClient, transactionId: string): Promise<boolean> {
    const { command } = await client.query(`PREPARE TRANSACTION ${this.#gidLiteral(transactionId)}`);
    return command === 'PREPARE';
  }

  /** Ends the statement that a backend is running, if any. */
  async cancel(processId: number): Promise<void> {
    await this.connections.finalise.query('SELECT pg_cancel_backend($1)', [processId]);
  }

  /** Ends a backend and with it whatever it had not prepared. */
  async terminate(processId: number): Promise<void> {
    await this.connections.finalise.query('SELECT pg_terminate_backend($1)', [processId]);
  }

  commitPrepared(transactionId: string): Promise<FinaliseResult> {
    return this.#finalise('COMMIT PREPARED', transactionId);
  }

  rollbackPrepared(transactionId: string): Promise<FinaliseResult> {
    return this.#finalise('ROLLBACK PREPARED', transactionId);
  }

  async #finalise(statement: string, transactionId: string): Promise<FinaliseResult> {
    try {
      await this.connections.finalise.query(`${statement} ${this.#gidLiteral(transactionId)}`);
      return 'finalised';
    } catch (error) {
      const state = sqlStateOf(error);
      if (state === SQL_STATE.undefinedObject) return 'not-prepared';
      if (state === SQL_STATE.objectNotInPrerequisiteState) return 'busy';
      throw error;
    }
  }

  /** Leaves an abort row. `busy`: another copy of the transaction is at work or prepared. */
  async insertAbortRow(transactionId: string): Promise<AbortRowResult> {
    const { incarnation, term, sequence } = partsOf(transactionId);
    try {
      const { rowCount } = await this.connections.finalise.query(
        `INSERT INTO concordat_branch (transaction_id, participant, state, incarnation, term, sequence)
         VALUES ($1, $2, 'aborted', $3, $4, $5) ON CONFLICT DO NOTHING`,
        [transactionId, this.participant, incarnation, term, sequence],
      );
      return rowCount === 1 ? 'inserted' : 'exists';
    } catch (error) {
      if (sqlStateOf(error) === SQL_STATE.lockNotAvailable) return 'busy';
      throw error;
    }
  }

  /** What the branch row says, where there is one. Nobody sees the row of a branch that is prepared here. */
  async readDecision(transactionId: string): Promise<'committed' | 'aborted' | undefined> {
    return (await this.readRow(transactionId))?.state as 'committed' | 'aborted' | undefined;
  }

  /** What is prepared is read first: what is committed in between is then seen by its row. */
  async find(transactionId: string): Promise<ReportedBranch | undefined> {
    const prepared = await this.isPrepared(transactionId);
    const row = await this.readRow(transactionId);
    const state = row?.state ?? (prepared ? 'prepared' : undefined);
    return state && { transactionId, state, csn: row?.csn ?? null };
  }

  async isPrepared(transactionId: string): Promise<boolean> {
    const { rowCount } = await this.connections.finalise.query(
      'SELECT 1 FROM pg_prepared_xacts WHERE database = current_database() AND gid = $1',
      [this.#gidPrefix + transactionId],
    );
    return rowCount === 1;
  }

  async listPrepared(): Promise<FoundBranch[]> {
    const { rows } = await this.connections.finalise.query<{ id: string; age: string }>(
      `SELECT substr(gid, $2) AS id, extract(epoch FROM clock_timestamp() - prepared) * 1000 AS age
       FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, $1)`,
      [this.#gidPrefix, this.#gidPrefix.length + 1],
    );
    return rows
      .filter(({ id }) => parseTransactionId(id) !== undefined)
      .map(({ id, age }) => ({ transactionId: id, ageMs: Math.max(0, Math.round(Number(age))), vote: null }));
  }

  override async countForeign(): Promise<number> {
    const { rows } = await this.connections.finalise.query<{ id: string }>(
      `SELECT substr(gid, $2) AS id FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, $1)`,
      [this.#gidPrefix, this.#gidPrefix.length + 1],
    );
    return rows.filter(({ id }) => parseTransactionId(id) === undefined).length;
  }

  #gidLiteral(transactionId: string): string {
    partsOf(transactionId);
    return pg.escapeLiteral(this.#gidPrefix + transactionId);
  }
}
