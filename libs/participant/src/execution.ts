import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecuteCommand, PrepareCommand } from '@concordat/protocol';
import type { IncomingMessage } from '@concordat/transport';

export type CancelCause = 'rollback' | 'deadline' | 'stopping';

/** Thrown inside an execution that was cancelled. */
export class ExecutionCancelled extends Error {
  override readonly name = 'ExecutionCancelled';
  constructor(readonly cancelledBy: CancelCause) {
    super(`cancelled by ${cancelledBy}`);
  }
}

/** `setTimeout` takes no longer time than this. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** A prepare on its way to its vote; there is one per transaction in this process. */
export type PrepareExecution = Execution<PrepareCommand>;

/** One command that runs operations on its way through this process, from its arrival to its answer. */
export class Execution<C extends PrepareCommand | ExecuteCommand = PrepareCommand | ExecuteCommand> {
  readonly transactionId: string;
  /** Unix time in ms, by our clock: the coordinator's time left, counted from the arrival. */
  readonly deadlineMs: number;
  readonly #controller = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  readonly #timer: NodeJS.Timeout;
  #cancelledBy: CancelCause | undefined;

  constructor(
    readonly command: C,
    readonly message: IncomingMessage,
    readonly arrivedMs: number,
  ) {
    this.transactionId = command.transactionId;
    this.deadlineMs = arrivedMs + command.remainingMs;
    this.#timer = setTimeout(() => void this.cancel('deadline'), Math.min(command.remainingMs, TIMER_MS_MAX));
    // What nobody waits for any more is not begun: a timer of 0 ms would come too late to say so.
    if (command.remainingMs === 0) void this.cancel('deadline');
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get cancelledBy(): CancelCause | undefined {
    return this.#cancelledBy;
  }

  /** Resolves when nothing of it is running any more. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Ends it as soon as it can be ended; the first cause stays. Resolves as `done` does. */
  cancel(cause: CancelCause): Promise<void> {
    if (this.#cancelledBy === undefined) {
      this.#cancelledBy = cause;
      this.#controller.abort();
    }
    return this.done;
  }

  throwIfCancelled(): void {
    if (this.#cancelledBy !== undefined) throw new ExecutionCancelled(this.#cancelledBy);
  }

  /**
   * Does the work, or throws as soon as the execution is cancelled; the work then goes on unheeded. It is not begun when
   * that has happened already, or nobody would be there for its failure.
   */
  async unlessCancelled<T>(work: () => Promise<T>): Promise<T> {
    this.throwIfCancelled();
    const cancelled = Promise.withResolvers<never>();
    const onAbort = () => cancelled.reject(new ExecutionCancelled(this.#cancelledBy ?? 'stopping'));
    this.signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([work(), cancelled.promise]);
    } finally {
      this.signal.removeEventListener('abort', onAbort);
    }
  }

  /** Waits; answers false as soon as the execution is cancelled. */
  async pause(milliseconds: number): Promise<boolean> {
    try {
      await sleep(milliseconds, undefined, { signal: this.signal });
      return true;
    } catch {
      return false; // the sleep fails for no other reason than the signal
    }
  }

  /** To be called once, whatever became of it. */
  finish(): void {
    clearTimeout(this.#timer);
    this.#done.resolve();
  }
}
