import {
  formatTransactionId,
  parseTransactionId,
  type ReportedBranch,
  type TransactionIdParts,
} from '@concordat/protocol';
import type pg from 'pg';
import type { BranchRecords } from './isolation.js';
import type { FoundBranch } from './prepared-branches.js';

/** What a branch row says. */
export interface BranchRow {
  readonly state: ReportedBranch['state'];
  readonly csn: number | null;
  /** The encoded vote of a branch with global isolation. */
  readonly vote: string | null;
}

/** The rows of `concordat_branch` that one participant has, in as far as both isolations read them alike. */
export abstract class BranchRows implements BranchRecords {
  constructor(
    readonly participant: string,
    protected readonly pool: pg.Pool,
  ) {}

  abstract listPrepared(): Promise<FoundBranch[]>;
  abstract find(transactionId: string): Promise<ReportedBranch | undefined>;

  async readRow(transactionId: string): Promise<BranchRow | undefined> {
    const { rows } = await this.pool.query(
      'SELECT state, csn, vote FROM concordat_branch WHERE transaction_id = $1 AND participant = $2',
      [transactionId, this.participant],
    );
    const [row] = rows;
    return row && { ...row, csn: csnOf(row.csn) };
  }

  async listDecided(incarnation: number, after: string, max: number): Promise<ReportedBranch[]> {
    const parts = partsOf(after);
    const { rows } = await this.pool.query(
      `SELECT transaction_id AS "transactionId", state, csn FROM concordat_branch
        WHERE participant = $1 AND incarnation < $2 AND (incarnation, term, sequence) > ($3, $4, $5)
          AND state <> 'prepared'
        ORDER BY incarnation, term, sequence LIMIT $6`,
      [this.participant, incarnation, parts.incarnation, parts.term, parts.sequence, max],
    );
    return rows.map((row) => ({ ...row, csn: csnOf(row.csn) }));
  }

  async countForeign(): Promise<number> {
    return 0;
  }

  async adoptLost(_max: number): Promise<string[]> {
    return [];
  }

  async durableHorizon(): Promise<string | null> {
    const { rows } = await this.pool.query<Record<'i' | 't' | 's', string>>(
      `SELECT horizon_incarnation AS i, horizon_term AS t, horizon_sequence AS s
         FROM concordat_participant WHERE participant = $1`,
      [this.participant],
    );
    const [row] = rows;
    if (!row || Number(row.i) === 0) return null;
    return formatTransactionId({ incarnation: Number(row.i), term: Number(row.t), sequence: Number(row.s) });
  }

  async ping(): Promise<void> {
    await this.pool.query('SELECT 1');
  }
}

const csnOf = (text: string | null): number | null => (text === null ? null : Number(text));

/** Also the guard that lets ids stand in statements as they are: an id has nothing but digits, letters and hyphens. */
export function partsOf(transactionId: string): TransactionIdParts {
  const parts = parseTransactionId(transactionId);
  if (parts === undefined) throw new TypeError(`"${transactionId}" is not a transaction id`);
  return parts;
}
