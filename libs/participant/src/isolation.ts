import type {
  Command,
  CommitCommand,
  Done,
  ExecuteCommand,
  Isolation,
  ReportedBranch,
  RollbackCommand,
} from '@concordat/protocol';
import type { IncomingMessage } from '@concordat/transport';
import type { PrepareExecution } from './execution.js';
import type { PrepareOutcome } from './prepare-outcome.js';
import type { FoundBranch } from './prepared-branches.js';

/**
 * What the two isolations do differently: everything else of a participant knows only this. `local` works with Postgres'
 * own two-phase commit on tables as they are, `global` with versions (docs/decisions/0006-global-isolation.md).
 */
export interface IsolationWork {
  readonly isolation: Isolation;
  readonly executor: BranchExecutor;
  readonly finaliser: BranchFinaliser;
  readonly records: BranchRecords;
  readonly executes: ExecuteHandler;
  /** Takes note of what every plausible command carries, before it is carried out. */
  hear(command: Command): void;
}

export interface BranchExecutor {
  /** Runs the operations of a prepare and makes the branch durable. */
  run(execution: PrepareExecution): Promise<PrepareOutcome>;
}

export interface Finalised {
  readonly outcome: Done['outcome'];
  readonly detail: string | null;
}

/**
 * Carries out decisions. What is answered is durable (D7); where nothing is answered, nothing is told, and the
 * coordinator sends its decision again. `knownPrepared`: memory says so. Before a rollback the prepare of the same
 * transaction in this process, if any, has ended.
 */
export interface BranchFinaliser {
  commit(command: CommitCommand, knownPrepared: boolean): Promise<Finalised | undefined>;
  rollback(command: RollbackCommand, knownPrepared: boolean): Promise<Finalised | undefined>;
}

/** What the database tells of branches. */
export interface BranchRecords {
  /** All prepared and undecided branches of this participant. */
  listPrepared(): Promise<FoundBranch[]>;
  /** How many are prepared under this participant's prefix, in its database, and are of no transaction. */
  countForeign(): Promise<number>;
  /**
   * Makes rows for prepared work that has lost its branch row, at most `max`, so that it asks and hears its decision. The row
   * and the work were written by one database transaction, so the work alone proves that the branch was prepared.
   * @returns the ids of their transactions
   */
  adoptLost(max: number): Promise<string[]>;
  find(transactionId: string): Promise<ReportedBranch | undefined>;
  /** Decided branches of lower incarnations than the given one, above an id, in the order of ids. */
  listDecided(incarnation: number, after: string, max: number): Promise<ReportedBranch[]>;
  /** The horizon that any process of this participant has collected rows by, or null when none has. */
  durableHorizon(): Promise<string | null>;
  ping(): Promise<void>;
}

export interface ExecuteHandler {
  /** Operations that are executed at once and run now. */
  readonly executing: number;
  /** Counts as handled when it is accepted, as a prepare does. */
  accept(command: ExecuteCommand, message: IncomingMessage): void | Promise<void>;
  /** Waits until nothing runs, and cancels what still does after the grace period. */
  drain(graceMs: number): Promise<void>;
}
