import { randomUUID } from 'node:crypto';
import type { ExecuteCommand } from '@concordat/protocol';
import { encodeKey, type KeyValues, type Mark, type Row, type VersionedTable, WriteSet } from '@concordat/snapshot';
import type { Execution } from '../execution.js';
import type { PrepareOutcome } from '../prepare-outcome.js';

/** Rows of the snapshot that a session keeps, so that what an operation has read is not read again. */
const ROWS_KEPT_MAX = 5000;

/** What one transaction has read and written here, in memory until it is prepared. */
export class SessionData {
  readonly writes = new WriteSet();
  readonly #marks = new Map<string, Mark>();
  readonly #rows = new Map<string, Row | undefined>();

  constructor(
    readonly transactionId: string,
    readonly snapshot: number,
    readonly serializable: boolean,
  ) {}

  /** S6: what was read; empty unless serializable. A table that was searched is marked as a whole. */
  get marks(): readonly Mark[] {
    return [...this.#marks.values()];
  }

  noteRead(table: VersionedTable, key: KeyValues | null): void {
    if (this.serializable) this.#marks.set(nameOf(table, key), { table, key });
  }

  /** Whether the row of the snapshot is known here, be it that there is none. */
  knows(table: VersionedTable, key: KeyValues): boolean {
    return this.#rows.has(nameOf(table, key));
  }

  rowOf(table: VersionedTable, key: KeyValues): Row | undefined {
    return this.#rows.get(nameOf(table, key));
  }

  keepRow(table: VersionedTable, key: KeyValues, row: Row | undefined): void {
    if (this.#rows.size < ROWS_KEPT_MAX) this.#rows.set(nameOf(table, key), row);
  }
}

const nameOf = (table: VersionedTable, key: KeyValues | null): string =>
  `${table.table} ${key === null ? '' : encodeKey(table, key)}`;

/** A session that the first execute of a transaction has begun: its operations ran before there is a branch. */
export class Session {
  /** Tells this session from one that takes its place after a restart. */
  readonly nonce = randomUUID();
  /** How many executes were answered with a result. */
  executed = 0;
  /** The answer to the last execute, to be given again should that come again. */
  lastReply: { readonly number: number; readonly encoded: string } | undefined;
  running: Execution<ExecuteCommand> | undefined;
  /** What became of the prepare where no decision will follow, to be said again should that come again. */
  outcome: PrepareOutcome | undefined;
  #data: SessionData | undefined;

  constructor(data: SessionData) {
    this.#data = data;
  }

  /** Undefined once the session is over. */
  get data(): SessionData | undefined {
    return this.#data;
  }

  /** Nothing runs in it any more; what it had read and written goes. */
  conclude(outcome: PrepareOutcome): void {
    this.outcome = outcome;
    this.#data = undefined;
  }
}
