import type { ReportedBranch } from '@concordat/protocol';
import { BranchRows } from '../branch-rows.js';
import type { FoundBranch } from '../prepared-branches.js';

/** The branches of a participant with global isolation: their rows tell everything, the vote included. */
export class GlobalBranches extends BranchRows {
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

  async find(transactionId: string): Promise<ReportedBranch | undefined> {
    const row = await this.readRow(transactionId);
    return row && { transactionId, state: row.state, csn: row.csn };
  }
}
