import type { Isolation } from '@concordat/protocol';
import pg from 'pg';
import type { Logger } from 'pino';

/**
 * The connections of a participant to its Postgres, apart from those of the host application: one pool on which
 * prepares run, one for everything that must never wait behind them.
 */
export interface Connections {
  readonly prepare: pg.Pool;
  readonly finalise: pg.Pool;
  /** Global isolation: reads outside of transactions. */
  readonly read: pg.Pool;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly participant: string;
  readonly prepareConcurrency: number;
  readonly finaliseConcurrency: number;
  readonly readConcurrency: number;
  readonly isolation: Isolation;
  readonly logger: Logger;
  /** 60,000 when left out. */
  readonly answerTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5000;
const IDLE_TIMEOUT_MS = 60_000;

/**
 * How long an abort row may wait behind another copy of its transaction. Short, because it holds one of the few
 * connections for finalising; `COMMIT PREPARED` and `ROLLBACK PREPARED` never wait for locks.
 */
const FINALISE_LOCK_TIMEOUT_MS = 200;
const FINALISE_STATEMENT_TIMEOUT_MS = 15_000;
/** Of a read at a snapshot, which waits for nobody. */
const READ_STATEMENT_TIMEOUT_MS = 30_000;
/**
 * How long the answer to a statement is waited for here: the timeouts above are the server's own, and one that has vanished
 * from the network keeps none, nor breaks the connection for a quarter of an hour. What is given up comes again by resends.
 */
const ANSWER_TIMEOUT_MS = 60_000;

export function openConnections(options: ConnectionOptions): Connections {
  const { isolation, participant, answerTimeoutMs: query_timeout = ANSWER_TIMEOUT_MS } = options;
  const prepare = openPool(
    options,
    'prepare',
    options.prepareConcurrency,
    isolation === 'global'
      ? { statement_timeout: READ_STATEMENT_TIMEOUT_MS, query_timeout, pipeline: true }
      : // The plan of the hot first statement is kept on each connection (see `BranchStore.begin`).
        { onConnect: async (client) => void (await client.query(branchInsertPlan(participant))) },
  );
  const finalise = openPool(options, 'finalise', options.finaliseConcurrency, {
    lock_timeout: FINALISE_LOCK_TIMEOUT_MS,
    statement_timeout: FINALISE_STATEMENT_TIMEOUT_MS,
    query_timeout,
    pipeline: isolation === 'global',
  });
  const read = openPool(options, 'read', options.readConcurrency, {
    statement_timeout: READ_STATEMENT_TIMEOUT_MS,
    query_timeout,
  });
  return {
    prepare,
    finalise,
    read,
    close: async () => {
      await Promise.allSettled([prepare.end(), finalise.end(), read.end()]);
    },
  };
}

function openPool(
  { url, participant, logger }: ConnectionOptions,
  purpose: string,
  max: number,
  further: pg.PoolConfig,
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: `concordat ${participant} ${purpose}`.slice(0, 63),
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    ...further,
  });
  // A connection that breaks fails its statement, which is handled there; the event alone must not end the process.
  const report = (error: Error) => logger.warn({ err: error, purpose }, 'a connection to Postgres broke');
  pool.on('connect', (client) => client.on('error', report));
  pool.on('error', () => undefined); // an idle connection: the listener above has told
  return pool;
}

/**
 * Inserts the branch row where the state of the participant admits the transaction: not below the horizon (S8), not of
 * an earlier incarnation (D1). One statement, one snapshot: garbage collection cannot slip in between.
 */
function branchInsertPlan(participant: string): string {
  const name = pg.escapeLiteral(participant);
  return `PREPARE concordat_branch_insert(text, bigint, bigint, bigint) AS
    INSERT INTO concordat_branch (transaction_id, participant, state, incarnation, term, sequence)
    SELECT $1, ${name}, 'committed', $2, $3, $4 FROM concordat_participant
    WHERE participant = ${name} AND incarnation <= $2
      AND (horizon_incarnation, horizon_term, horizon_sequence) <= ($2, $3, $4)
    ON CONFLICT DO NOTHING`;
}
