import { Deadline } from './deadline.js';
import { CallEnded } from './dispatcher.js';
import { ConcordatError, TransactionAbortedError } from './errors.js';
import type { Branch, Transaction } from './generated/api.js';
import { randomId } from './random-id.js';
import type { Rest, WaitFor } from './rest.js';

/** What the work of a transaction may do. */
export interface TransactionScope {
  readonly id: string;
  /** What it sees at global participants: the commits up to this number. */
  readonly snapshot: number | null;
  /**
   * Runs an operation at once, at the transaction's snapshot; it sees what the transaction has written before.
   * @returns the operation's result
   * @throws TransactionAbortedError when the participant refuses
   */
  call<Result = unknown>(participant: string, operation: string, input: unknown): Promise<Result>;
  /** Adds an operation that runs when the transaction is committed; its result is there afterwards. */
  enlist<Result = unknown>(participant: string, operation: string, input: unknown): Promise<DeferredBranch<Result>>;
}

/** An operation that runs with the commit. */
export interface DeferredBranch<Result = unknown> {
  readonly id: string;
  /** What the operation returned. @throws ConcordatError misuse before the transaction is committed */
  readonly result: Result;
}

/** How long a rollback is tried; the coordinator rolls back by itself at the transaction's deadline. In ms. */
const ROLLBACK_TIMEOUT_MS = 2_000;

/** A transaction under way. It is committed only by `commit`, so as long as that was not called it cannot come to be. */
export class OpenTransaction implements TransactionScope {
  readonly id: string;
  readonly snapshot: number | null;
  readonly #calls = new Set<Promise<unknown>>();
  #branches = 0;
  #isOpen = true;
  #committed: Transaction | undefined;
  /** Why it cannot be committed any more. */
  #lost: TransactionAbortedError | undefined;

  constructor(
    begun: Transaction,
    private readonly rest: Rest,
    private readonly deadline: Deadline,
  ) {
    this.id = begun.id;
    this.snapshot = begun.snapshot;
  }

  async call<Result>(participant: string, operation: string, input: unknown): Promise<Result> {
    const branch = await this.#enlist({ participant, operation, input }, true);
    return branch.result as Result;
  }

  async enlist<Result>(participant: string, operation: string, input: unknown): Promise<DeferredBranch<Result>> {
    const { id } = await this.#enlist({ participant, operation, input }, false);
    const result = () => this.#resultOf(id) as Result;
    return {
      id,
      get result() {
        return result();
      },
    };
  }

  /**
   * Takes no more calls, and waits for those that the work left running.
   * @throws what one of them failed with; TransactionAbortedError when the answer to any call was lost
   */
  async finishCalls(): Promise<void> {
    this.#isOpen = false;
    await Promise.all(this.#calls);
    if (this.#lost) throw this.#lost;
  }

  /**
   * Commits. Without any branch there is nothing to commit.
   * @throws TransactionAbortedError, OutcomeUnknownError
   */
  async commit(wait: WaitFor | undefined): Promise<void> {
    if (this.#branches === 0) return this.rollback();
    this.#committed = await this.rest.commit(this.id, wait, randomId(), this.deadline);
  }

  /** Rolls back, as well as can be: never fails. */
  async rollback(): Promise<void> {
    this.#isOpen = false;
    const { clock } = this.deadline;
    await this.rest.rollback(this.id, new Deadline(clock, ROLLBACK_TIMEOUT_MS)).catch(() => undefined);
  }

  #enlist(branch: { participant: string; operation: string; input: unknown }, now: boolean): Promise<Branch> {
    if (!this.#isOpen) {
      return Promise.reject(
        new ConcordatError('misuse', `Transaction ${this.id} takes no more calls: its work has ended.`),
      );
    }
    const call = this.rest.enlist(this.id, branch, now, this.deadline).then(
      (enlisted) => {
        this.#branches += 1;
        return enlisted;
      },
      (error: unknown) => {
        throw this.#failed(error);
      },
    );
    this.#calls.add(call);
    const forget = () => this.#calls.delete(call);
    call.then(forget, forget);
    return call;
  }

  /** A branch that may or may not be there makes the transaction useless; since it was not committed, it can be made anew. */
  #failed(error: unknown): unknown {
    if (!(error instanceof CallEnded)) return error;
    if (!error.perhapsDone || this.deadline.isOver) return error.error;
    const message = 'The answer to a call within it was lost.';
    const reason = { code: 'connection-lost', message, retryable: true };
    this.#lost = new TransactionAbortedError(reason, this.id, undefined, { cause: error.error });
    return this.#lost;
  }

  #resultOf(branchId: string): unknown {
    const branch = this.#committed?.branches.find(({ id }) => id === branchId);
    if (branch) return branch.result;
    throw new ConcordatError('misuse', 'A deferred branch has its result once the transaction is committed.');
  }
}
