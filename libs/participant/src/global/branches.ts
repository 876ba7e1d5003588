import { parseTransactionId, type ReportedBranch } from '@concordat/protocol';
import pg from 'pg';
import { BranchRows, partsOf } from '../branch-rows.js';
import type { FoundBranch } from '../prepared-branches.js';
import type { VersionedEntities } from './versioned-entities.js';

/** The branches of a participant with global isolation: their rows tell everything, the vote included. */
export class GlobalBranches extends BranchRows {
  constructor(
    participant: string,
    pool: pg.Pool,
    private readonly entities: VersionedEntities,
  ) {
    super(participant, pool);
  }

  async listPrepared(): Promise<FoundBranch[]> {
    const { rows } = await this.pool.query<{ id: string; vote: string | null; age: string }>(
      `SELECT transaction_id AS id, vote, extract(epoch FROM clock_timestamp() - created_at) * 1000 AS age
         FROM concordat_branch WHERE participant = $1 AND state = 'prepared'`,
      [this.participant],
    );
    return rows.map(({ id, vote, age }) => ({
      transactionId: id,
      vote,
      ageMs: Math.max(0, Math.round(Number(age))),
    }));
  }

  override async adoptLost(max: number): Promise<string[]> {
    const adopted = new Set<string>();
    for (const { table } of this.entities.tables) {
      const name = pg.escapeIdentifier(table);
      const lost = `SELECT DISTINCT v.transaction_id AS id FROM ${name} v
         WHERE v.csn IS NULL AND NOT EXISTS (
           SELECT FROM concordat_branch b WHERE b.transaction_id = v.transaction_id AND b.participant = $1)`;
      const { rows } = await this.pool.query<{ id: string }>(`${lost} LIMIT $2`, [this.participant, max]);
      for (const { id } of rows) if (parseTransactionId(id) && (await this.#adopt(id))) adopted.add(id);
    }
    return [...adopted];
  }

  async #adopt(id: string): Promise<boolean> {
    const { incarnation, term, sequence } = partsOf(id);
    const { rowCount } = await this.pool.query(
      `INSERT INTO concordat_branch (transaction_id, participant, state, incarnation, term, sequence)
       VALUES ($1, $2, 'prepared', $3, $4, $5) ON CONFLICT DO NOTHING`,
      [id, this.participant, incarnation, term, sequence],
    );
    return rowCount === 1;
  }

  async find(transactionId: string): Promise<ReportedBranch | undefined> {
    const row = await this.readRow(transactionId);
    return row && { transactionId, state: row.state, csn: row.csn };
  }
}
