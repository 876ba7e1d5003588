import { finalise } from '../src/finalise.js';
import { type PrepareResult, prepareBranch } from '../src/prepare.js';
import type { Mark, PrepareRequest } from '../src/prepare-request.js';
import { type ReadContext, readKeys } from '../src/read.js';
import type { Row, VersionedTable } from '../src/table.js';
import type { Write } from '../src/write-set.js';
import { Coordinator } from './coordinator.js';
import { type Connection, PARTICIPANT, type TestDatabase } from './test-database.js';

export const ACCOUNT: VersionedTable = {
  entity: 'account',
  table: 'account_version',
  key: ['id'],
  columns: [
    { name: 'id', type: 'text', nullable: false },
    { name: 'balance', type: 'bigint', nullable: false },
    { name: 'colour', type: 'text', nullable: true },
  ],
  indexes: [['colour'], ['balance']],
  uniques: [],
};

export const BOOK: VersionedTable = {
  entity: 'book',
  table: 'book_version',
  key: ['year', 'page'],
  columns: [
    { name: 'year', type: 'integer', nullable: false },
    { name: 'page', type: 'bigint', nullable: false },
    { name: 'isbn', type: 'text', nullable: true },
    { name: 'printed', type: 'date', nullable: true },
    { name: 'extra', type: 'jsonb', nullable: true },
    { name: 'cover', type: 'bytea', nullable: true },
  ],
  indexes: [['printed']],
  uniques: [{ name: 'book_isbn', columns: ['isbn'] }],
};

export const TABLES = [ACCOUNT, BOOK];

export const put = (id: string, balance: number, colour: string | null = null): Write => ({
  table: ACCOUNT,
  key: [id],
  deleted: false,
  row: { id, balance, colour },
});

export const drop = (id: string): Write => ({ table: ACCOUNT, key: [id], deleted: true, row: null });

export const mark = (id: string | null): Mark => ({ table: ACCOUNT, key: id === null ? null : [id] });

export type Options = Partial<Omit<PrepareRequest, 'writes'>> & { on?: Connection };

/** One participant with its coordinator, and whole transactions in one call. */
export class Bank {
  coordinator = new Coordinator();

  constructor(
    readonly database: TestDatabase,
    readonly connection: Connection,
  ) {}

  get now(): number {
    return this.coordinator.applied;
  }

  request(writes: readonly Write[], { on: _on, ...options }: Options = {}): PrepareRequest {
    return {
      participant: PARTICIPANT,
      transactionId: options.transactionId ?? this.coordinator.begin(),
      snapshot: this.now,
      writes,
      serializable: false,
      marks: [],
      vote: 'the vote',
      lockTimeoutMs: 10_000,
      statementTimeoutMs: 10_000,
      ...options,
    };
  }

  prepare(writes: readonly Write[], options: Options = {}): Promise<PrepareResult> {
    return prepareBranch(options.on ?? this.connection, this.request(writes, options));
  }

  /** Prepares and answers the id. */
  async prepared(writes: readonly Write[], options: Options = {}): Promise<string> {
    const transactionId = options.transactionId ?? this.coordinator.begin();
    const result = await this.prepare(writes, { ...options, transactionId });
    if (result.kind !== 'prepared') throw new Error(`not prepared: ${JSON.stringify(result)}`);
    return transactionId;
  }

  /** Decides to commit, and finalises here. */
  async commit(transactionId: string): Promise<number> {
    const csn = this.coordinator.commit(transactionId);
    await this.finalise({ transactionId, csn });
    return csn;
  }

  finalise(...decisions: Parameters<typeof finalise>[3]) {
    return finalise(this.connection, PARTICIPANT, TABLES, decisions);
  }

  /** A whole transaction; answers its csn. */
  async write(...writes: Write[]): Promise<number> {
    return this.commit(await this.prepared(writes));
  }

  context(snapshot: number): ReadContext {
    return { db: this.database.pool, statuses: this.coordinator, participant: PARTICIPANT, snapshot };
  }

  /** The balance that a snapshot shows; undefined where there is no row. */
  async balance(id: string, snapshot = this.now): Promise<number | undefined> {
    const rows = await readKeys(this.context(snapshot), ACCOUNT, [[id]]);
    const [row] = rows.values();
    return row && Number(row.balance);
  }

  async versions(): Promise<Row[]> {
    return this.database.rows('SELECT id, csn::int, deleted, balance::int FROM account_version ORDER BY id, csn');
  }
}
