/** The records of this replica's Postgres, for the workers that reduce: read only, and apart from the persister's pool. */
import type { KnownRecord, RecordFact } from '@concordat/audit';
import { compareTransactionIds, parseTransactionId } from '@concordat/protocol';
import pg from 'pg';

const STATEMENT_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 5_000;

interface StateRow {
  readonly applied_index: string;
  readonly incarnation: string;
  readonly pruned_through: string | null;
}

interface RecordRow {
  readonly id: string;
  readonly outcome: 'committed' | 'aborted' | null;
  readonly csn: string | null;
  readonly decided_at: Date | null;
  readonly restored: boolean | null;
}

// As text: json operators refuse what json itself may hold.
const RECORDS = `SELECT id, outcome, csn, decided_at, position('"code":"restored"' in reason::text) > 0 AS restored
  FROM transaction WHERE id = ANY($1)`;
const STATE = 'SELECT applied_index, incarnation, pruned_through FROM coordinator_state';

export class RecordReader {
  readonly #pool: pg.Pool;

  constructor(databaseUrl: string) {
    this.#pool = new pg.Pool({
      connectionString: databaseUrl,
      max: 1,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      application_name: 'concordat-audit',
    });
    this.#pool.on('error', () => undefined); // the next query tells
  }

  /** How far the decision log is stored. */
  async appliedIndex(): Promise<number> {
    const { rows } = await this.#pool.query<StateRow>(STATE);
    return Number(rows[0]?.applied_index ?? 0);
  }

  /** What is held of each id. What may have been pruned, or is of a cluster before a restore, is `unknown` and no lack. */
  async lookUp(ids: readonly string[]): Promise<Map<string, KnownRecord>> {
    const { rows } = await this.#pool.query<RecordRow>(RECORDS, [ids]);
    // After the records: what is pruned between the two reads counts as pruned.
    const [state] = (await this.#pool.query<StateRow>(STATE)).rows;
    const found = new Map<string, KnownRecord>(rows.map((row) => [row.id, factOf(row)]));
    const incarnation = Number(state?.incarnation ?? 0);
    for (const id of ids) {
      const record = found.get(id);
      if (record === undefined) found.set(id, mayBeGone(id, state) ? 'unknown' : null);
      // An undecided record of an earlier incarnation is what a backup held.
      else if (isUndecided(record) && parseTransactionId(id)?.incarnation !== incarnation) found.set(id, 'unknown');
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

const isUndecided = (record: KnownRecord): boolean =>
  record !== null && record !== 'unknown' && record.outcome === null;

function factOf({ outcome, csn, decided_at: decidedAt, restored }: RecordRow): RecordFact {
  const decidedAtMs = decidedAt === null ? null : decidedAt.getTime();
  return { outcome, csn: csn === null ? null : Number(csn), decidedAtMs, restored: restored === true };
}

function mayBeGone(id: string, state: StateRow | undefined): boolean {
  const parts = parseTransactionId(id);
  if (!parts || !state || parts.incarnation < Number(state.incarnation)) return true;
  const pruned = state.pruned_through === null ? undefined : parseTransactionId(state.pruned_through);
  return pruned !== undefined && compareTransactionIds(parts, pruned) <= 0;
}
