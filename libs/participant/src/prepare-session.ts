import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { type BoundManager, bindManager } from './bound-manager.js';
import type { AttemptLimits, BranchStore } from './branch-store.js';
import type { PrepareExecution } from './execution.js';
import type { ResolvedCall } from './operation-calls.js';
import { contextOf, type OperationContext } from './operation-context.js';
import { classifyDatabaseError, type DatabaseFailure } from './sql-state.js';
import type { Surroundings } from './surroundings.js';
import { inDatabaseSpan } from './tracing.js';

/** How long a cancelled statement or a rollback may take before the connection is given up with all it holds. */
const END_GRACE_MS = 1000;

/** Postgres takes no longer timeout than this. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** Opens the database sessions in which prepares run. */
export class PrepareSessions {
  constructor(
    private readonly store: BranchStore,
    private readonly dataSource: DataSource,
    private readonly surroundings: Surroundings,
  ) {}

  async open(execution: PrepareExecution): Promise<PrepareSession> {
    execution.throwIfCancelled();
    const client = await this.store.connect();
    return new PrepareSession(client, execution, this.store, this.dataSource, this.surroundings);
  }
}

/**
 * One attempt to prepare: a connection from its opening to its return to the pool. Whatever happens, the connection is
 * given back without a transaction, or not at all.
 */
export class PrepareSession {
  readonly transactionId: string;
  #bound: BoundManager | undefined;
  /** A cancel request on its way; the connection must not serve another branch before it has hit or missed. */
  #cancelling: Promise<void> | undefined;
  /**
   * Whether a transaction may be open on the connection. What the client library tells of that lags behind a failed
   * statement, so we go by what we said ourselves and heard succeed.
   */
  #open = false;
  readonly #onAbort = () => {
    this.#cancelling = this.store
      .cancel(this.#processId)
      .catch((error) => this.surroundings.logger.warn({ err: error }, 'a statement could not be cancelled'));
  };

  constructor(
    private readonly client: pg.PoolClient,
    private readonly execution: PrepareExecution,
    private readonly store: BranchStore,
    private readonly dataSource: DataSource,
    private readonly surroundings: Surroundings,
  ) {
    this.transactionId = execution.transactionId;
    execution.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** A failure of a statement that may succeed another time, even if the operation caught it. */
  get failure(): DatabaseFailure | undefined {
    return this.#bound?.failure;
  }

  async begin(): Promise<'begun' | 'not-admitted' | 'held-by-other-copy'> {
    this.execution.throwIfCancelled();
    this.#open = true;
    try {
      return (await this.store.begin(this.client, this.transactionId, this.#limits())) ? 'begun' : 'not-admitted';
    } catch (error) {
      if (classifyDatabaseError(error) === 'lock-timeout') return 'held-by-other-copy';
      throw error;
    }
  }

  async beginReadOnly(): Promise<void> {
    this.execution.throwIfCancelled();
    this.#open = true;
    await this.store.beginReadOnly(this.client, this.#limits());
  }

  runOperation<T>({ call }: ResolvedCall, operation: (context: OperationContext) => Promise<T>): Promise<T> {
    this.#bound ??= bindManager(this.dataSource, this.client);
    const { manager } = this.#bound;
    const context = contextOf(call, this.execution, this.surroundings.participant, { manager });
    return this.execution.unlessCancelled(() => operation(context));
  }

  /** Resolves when the branch is durably prepared. */
  async prepare(): Promise<void> {
    await this.#release();
    this.execution.throwIfCancelled();
    const prepared = await inDatabaseSpan('PREPARE TRANSACTION', () =>
      this.store.prepare(this.client, this.transactionId),
    );
    this.#open = false; // prepared or rolled back, the transaction is no longer the connection's
    if (prepared) return;
    throw new Error('a statement of the operation had failed and its error was caught: nothing could be prepared');
  }

  isPrepared(): Promise<boolean> {
    return this.store.isPrepared(this.transactionId);
  }

  readDecision(): Promise<'committed' | 'aborted' | undefined> {
    return this.store.readDecision(this.transactionId);
  }

  /** Rolls back what is not prepared and gives the connection back. Never throws. */
  async close(): Promise<void> {
    this.execution.signal.removeEventListener('abort', this.#onAbort);
    const usable = (!this.#open && this.#cancelling === undefined) || (await this.#endInTime());
    this.client.release(!usable);
    if (usable) return;
    // The backend may still be busy with a statement: without this it would hold its locks until that ends.
    await this.store.terminate(this.#processId).catch(() => undefined);
  }

  async #endInTime(): Promise<boolean> {
    const timeout = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => timeout.resolve(false), END_GRACE_MS);
    const usable = await Promise.race([this.#end(), timeout.promise]);
    clearTimeout(timer);
    return usable;
  }

  async #end(): Promise<boolean> {
    try {
      await this.#cancelling;
      await this.#release();
      if (this.#open) await this.client.query('ROLLBACK');
      return true;
    } catch {
      return false; // the connection broke, and with it the transaction ended
    }
  }

  /** Bars the operation from the connection; an operation that was abandoned may still be running a statement. */
  async #release(): Promise<void> {
    await this.#bound?.release();
  }

  #limits(): AttemptLimits {
    const { limits, clock, random } = this.surroundings;
    const remainingMs = Math.max(1, Math.ceil(this.execution.deadlineMs - clock.nowMs()));
    // Two transactions that wait for each other in different databases do not give up at the same moment.
    const lockTimeoutMs = Math.ceil(limits.lockTimeoutMs * (0.5 + random() / 2));
    return {
      lockTimeoutMs: Math.min(lockTimeoutMs, remainingMs),
      statementTimeoutMs: Math.min(remainingMs, TIMEOUT_MS_MAX),
    };
  }

  get #processId(): number {
    return (this.client as unknown as { processID: number }).processID;
  }
}
