import type pg from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { classifyDatabaseError, type DatabaseFailure } from './sql-state.js';

/**
 * An EntityManager of the host's DataSource that runs on one given connection, inside the database transaction that
 * the branch began there. It lives as long as one attempt to prepare.
 */
export interface BoundManager {
  readonly manager: EntityManager;
  /** The first failure of a statement that may succeed another time, even if the operation caught it. */
  readonly failure: DatabaseFailure | undefined;
  /** Bars the manager from further use and resolves when its running statements have ended. */
  release(): Promise<void>;
}

/** Thrown at an operation that tries to end the transaction it was called in. */
class TransactionControlError extends Error {
  override readonly name = 'TransactionControlError';
}

/** What only the participant may say. Savepoints are fine. */
const TRANSACTION_CONTROL =
  /^\s*(begin|start\s+transaction|commit|end|abort|rollback(?!\s+(work\s+|transaction\s+)?to\b)|prepare\s+transaction)\b/i;

/** The parts of TypeORM's Postgres query runner that it does not show in its types. */
interface RunnerInternals {
  databaseConnection: pg.PoolClient;
  transactionDepth: number;
  isTransactionActive: boolean;
}

export function bindManager(dataSource: DataSource, client: pg.PoolClient): BoundManager {
  const runner: QueryRunner = dataSource.createQueryRunner();
  // With a connection of its own the runner takes none from the pool; with a transaction begun, it nests by savepoints.
  Object.assign(runner, {
    databaseConnection: client,
    transactionDepth: 1,
    isTransactionActive: true,
  } satisfies RunnerInternals);
  const running = new Set<Promise<unknown>>();
  let failure: DatabaseFailure | undefined;

  const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>;
  const watched = (text: string, ...rest: unknown[]): Promise<unknown> => {
    if (TRANSACTION_CONTROL.test(text)) {
      return Promise.reject(
        new TransactionControlError(
          `An operation may not say "${text.trim().slice(0, 40)}": its transaction is not its own.`,
        ),
      );
    }
    const result = query(text, ...rest);
    const ended: Promise<void> = result.then(
      () => void running.delete(ended),
      (error: unknown) => {
        running.delete(ended);
        const kind = classifyDatabaseError(error);
        if (kind !== 'other') failure ??= kind;
      },
    );
    running.add(ended);
    return result;
  };
  Object.assign(runner, { query: watched });

  return {
    manager: runner.manager,
    get failure() {
      return failure;
    },
    release: async () => {
      await runner.release();
      await Promise.all(running);
    },
  };
}
