/**
 * The adapter of the TransactionStore port to the replica's own Postgres.
 *
 * - P1 A batch is written whole or not at all, and only onto the applied index that it continues (the fence).
 * - P2 Our own lost acknowledgement is not a second writer: a batch that is tried again after an error, and is found
 *   written by this very process, counts as written.
 * - P3 Postgres being away is an error of single calls, never of the process; `available` recovers by itself.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { exportState, importState } from '@concordat/coordinator-state';
import { ConcordatError, parseTransactionId } from '@concordat/protocol';
import type { KeyRecord, OperatorAction, TransactionRecord } from '@concordat/transaction';
import pg from 'pg';
import { type DataSource, type EntityManager, LessThan } from 'typeorm';
import {
  type ListQuery,
  type OpenOptions,
  type PersistBatch,
  type PersistedState,
  StaleWriterError,
  type StoreSnapshot,
  type TransactionStore,
} from '../engine/store.js';
import { within } from '../engine/within.js';
import { CONNECT_TIMEOUT_MS, coordinatorDataSource, QUERY_TIMEOUT_MS } from './data-source.js';
import { IdempotencyKeyEntity, OperatorActionEntity, TransactionEntity } from './entities.js';
import { persistLeases } from './leases.js';
import { load } from './load.js';
import { persistLocks } from './locks.js';
import { persistOperatorRecords } from './operator-records.js';
import { partsOf, persistStatement } from './persist-statement.js';
import { mergePruneLimits, PRUNE_FROM_START, pruneRound } from './pruning.js';
import { isUnreachable, Reachability } from './reachability.js';
import { keyRecord, newestFirst, transactionRecord } from './rows.js';

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 2_000;
const UNAVAILABLE_RETRY_AFTER_MS = 1_000;
const LIST_LIMIT_MAX = 200;
/** A Postgres that stands still breaks no connection. */
const READ_TIMEOUT_MS = 10_000;

export interface PostgresStoreOptions {
  readonly databaseUrl: string;
  /** Told once per failed attempt while `open` waits for Postgres. */
  readonly onWaiting?: (error: unknown) => void;
  /** How long a caller waits for one read, in ms; 10,000 when left out. */
  readonly readTimeoutMs?: number;
}

export class PostgresStore implements TransactionStore {
  private readonly writerId = randomUUID();
  /** One connection of its own, so that no list can keep a batch waiting. */
  private readonly writer: pg.Pool;
  private readonly reachability: Reachability;
  private dataSource: DataSource | undefined;
  private closed = false;
  private prune: PersistBatch['prune'] = null;
  private pruneMarks = PRUNE_FROM_START;
  private through: string | null = null;
  /** Range of the last batch whose attempt ended in an error: it may have been written all the same (P2). */
  private unacknowledged: { readonly fromIndex: number; readonly toIndex: number } | undefined;

  constructor(private readonly options: PostgresStoreOptions) {
    this.writer = new pg.Pool({
      connectionString: options.databaseUrl,
      application_name: 'concordat-coordinator-applier',
      max: 1,
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
    });
    this.reachability = new Reachability(this.writer);
    this.writer.on('error', (error) => this.reachability.failed(error));
  }

  get available(): boolean {
    return this.reachability.available;
  }

  /** Largest id pruned so far, or null: older unknown ids answer 410 (D8). */
  get prunedThrough(): string | null {
    return this.through;
  }

  get pruning(): boolean {
    return this.prune !== null;
  }

  async open(memberId: string, keysMax: number, options: OpenOptions = {}): Promise<PersistedState> {
    for (let waitMs = RETRY_MIN_MS; ; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
      if (this.closed) throw new Error('the store was closed while it waited for Postgres');
      try {
        const dataSource = await this.connect();
        const state = await dataSource.transaction('REPEATABLE READ', (manager) => {
          return load(manager, memberId, keysMax, options);
        });
        this.through = state.prunedThrough;
        this.reachability.succeeded();
        return state;
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        this.options.onWaiting?.(error);
        await delay(waitMs);
      }
    }
  }

  async persist(batch: PersistBatch): Promise<void> {
    const limits = mergePruneLimits(this.prune, batch.prune);
    const [first, ...rest] = partsOf(batch);
    try {
      const isOneStatement =
        first !== undefined &&
        rest.length === 0 &&
        limits === null &&
        !batch.leases &&
        !batch.locks &&
        !batch.hazards &&
        !batch.actions;
      const moved = isOneStatement ? await this.write(this.writer, first) : await this.writeInParts(batch, limits);
      if (!moved) await this.settleUnmovedFence(batch);
      this.unacknowledged = undefined;
      this.reachability.succeeded();
    } catch (error) {
      if (!(error instanceof StaleWriterError)) this.unacknowledged = batch;
      this.reachability.failed(error);
      throw error;
    }
  }

  async exportSnapshot(): Promise<StoreSnapshot> {
    try {
      const { header, chunks, close } = await exportState(this.options.databaseUrl);
      this.reachability.succeeded();
      return { index: header.index, term: header.term, chunks, close };
    } catch (error) {
      this.reachability.failed(error);
      throw error;
    }
  }

  async importSnapshot(memberId: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await this.connect(); // the tables must be there, and as this version has them
      const header = await importState(this.options.databaseUrl, chunks, {
        state: ({ index: appliedIndex, term: appliedTerm, ...rest }) => {
          return { ...rest, memberId, appliedIndex, appliedTerm, writer: this.writerId };
        },
      });
      this.through = header.prunedThrough;
      this.prune = null;
      this.pruneMarks = PRUNE_FROM_START;
      this.unacknowledged = undefined;
      this.reachability.succeeded();
    } catch (error) {
      this.reachability.failed(error);
      throw error;
    }
  }

  async find(id: string): Promise<TransactionRecord | undefined> {
    const row = await this.read((manager) => manager.findOneBy(TransactionEntity, { id }));
    return row ? transactionRecord(row) : undefined;
  }

  async listActions(limit: number, before = Number.MAX_SAFE_INTEGER): Promise<OperatorAction[]> {
    const rows = await this.read((manager) =>
      manager.find(OperatorActionEntity, { where: { id: LessThan(before) }, order: { id: 'DESC' }, take: limit }),
    );
    return rows.map((row) => ({ ...row }));
  }

  async findKey(caller: string, key: string): Promise<KeyRecord | undefined> {
    const row = await this.read((manager) => manager.findOneBy(IdempotencyKeyEntity, { caller, key }));
    return row ? keyRecord(row) : undefined;
  }

  async list({ status, participant, label, caller, limit, before }: ListQuery): Promise<TransactionRecord[]> {
    const rows = await this.read((manager) => {
      const query = manager.createQueryBuilder(TransactionEntity, 't');
      if (status === 'completed') query.andWhere(`t.status = 'completed'`);
      // Said twice, so that the small index of live transactions serves it.
      else if (status !== undefined) query.andWhere(`t.status = :status AND t.status <> 'completed'`, { status });
      if (participant !== undefined) query.andWhere('t.participants @> ARRAY[:participant]', { participant });
      if (label !== undefined) query.andWhere('t.label = :label', { label });
      // Said twice, so that the index of callers serves it, which is without those of an open coordinator.
      if (caller !== undefined) query.andWhere(`t.caller = :caller AND t.caller <> 'anonymous'`, { caller });
      if (before !== undefined) {
        const parts = parseTransactionId(before);
        if (!parts) throw new ConcordatError('cursor-invalid', 'The cursor does not name a transaction.');
        query.andWhere('(t.incarnation, t.term, t.sequence) < (:incarnation, :term, :sequence)', { ...parts });
      }
      return newestFirst(query).limit(Math.min(limit, LIST_LIMIT_MAX)).getMany();
    });
    return rows.map(transactionRecord);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.reachability.close();
    await Promise.all([this.writer.end(), this.dataSource?.destroy()]);
  }

  private async connect(): Promise<DataSource> {
    if (this.dataSource) return this.dataSource;
    const dataSource = coordinatorDataSource(this.options.databaseUrl, (error) => this.reachability.failed(error));
    await dataSource.initialize();
    try {
      await dataSource.runMigrations();
    } catch (error) {
      await dataSource.destroy();
      throw error;
    }
    this.dataSource = dataSource;
    return dataSource;
  }

  /** Whether the fence moved, that is, whether the part was written. */
  private async write(target: pg.Pool | pg.PoolClient, part: PersistBatch): Promise<boolean> {
    const { rowCount } = await target.query(persistStatement(part, this.writerId));
    return rowCount === 1;
  }

  /** Several statements in one database transaction (P1). */
  private async writeInParts(batch: PersistBatch, limits: PersistBatch['prune']): Promise<boolean> {
    const client = await this.writer.connect();
    let failure: Error | undefined;
    // A connection that breaks between two statements tells nobody else, and an error nobody hears ends the process (P3).
    const onError = (error: Error): void => {
      failure = error;
    };
    client.on('error', onError);
    try {
      await client.query('BEGIN');
      let moved = true;
      for (const part of partsOf(batch)) moved &&= await this.write(client, part);
      if (moved && batch.leases) await persistLeases(client, batch.leases);
      if (moved && batch.locks) await persistLocks(client, batch.locks);
      if (moved) await persistOperatorRecords(client, batch);
      const pruned = moved && limits ? await pruneRound(client, limits, this.through, this.pruneMarks) : undefined;
      await client.query(moved ? 'COMMIT' : 'ROLLBACK');
      if (pruned) {
        this.through = pruned.prunedThrough;
        this.pruneMarks = pruned.marks;
        this.prune = pruned.more ? limits : null;
      }
      // What was kept for a hazard that is closed now lies behind the mark.
      if (moved && batch.hazards) this.pruneMarks = PRUNE_FROM_START;
      return moved;
    } catch (error) {
      // The connection goes with its open transaction, which takes everything back.
      failure = error as Error;
      throw error;
    } finally {
      client.off('error', onError);
      client.release(failure);
    }
  }

  /** Returns when the batch stands there by our own hand (P2). @throws StaleWriterError otherwise */
  private async settleUnmovedFence({ fromIndex, toIndex }: PersistBatch): Promise<void> {
    const { rows } = await this.writer.query<{ applied_index: string; writer: string | null; through: string | null }>(
      'SELECT applied_index, writer, pruned_through AS through FROM coordinator_state',
    );
    const found = rows[0];
    const tried = this.unacknowledged?.fromIndex === fromIndex && this.unacknowledged.toIndex === toIndex;
    if (tried && found?.writer === this.writerId && Number(found.applied_index) === toIndex) {
      this.through = found.through;
      return;
    }
    throw new StaleWriterError(
      `the database stands at index ${found?.applied_index ?? 'none'}, written by ${found?.writer ?? 'nobody'}; ` +
        `this process (${this.writerId}) wanted to continue from ${fromIndex} to ${toIndex}`,
    );
  }

  /** Runs a read; where Postgres is away the caller is told so in the terms of the registry. */
  private async read<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    if (!this.dataSource) throw unavailable(new Error('the store is not open'));
    try {
      const { readTimeoutMs = READ_TIMEOUT_MS } = this.options;
      const answered = work(this.dataSource.manager).then((result) => ({ result }));
      const read = await within(answered, readTimeoutMs);
      if (!read) throw new Error(`read timeout: no answer within ${readTimeoutMs} ms`);
      this.reachability.succeeded();
      return read.result;
    } catch (error) {
      this.reachability.failed(error);
      throw isUnreachable(error) ? unavailable(error) : error;
    }
  }
}

const unavailable = (cause: unknown): ConcordatError =>
  new ConcordatError(
    'postgres-unavailable',
    'The database of this replica cannot be reached at the moment.',
    { retryAfterMs: UNAVAILABLE_RETRY_AFTER_MS },
    { cause },
  );
