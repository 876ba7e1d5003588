/**
 * Asynchronous work on virtual time. What waits is woken by events of the queue alone, and all that follows from one
 * event happens before the next one: so a run is the same each time, to the letter.
 */
import { setImmediate as afterMicrotasks } from 'node:timers/promises';
import type { EventQueue } from '@concordat/raft/simulator';

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

export class Tasks {
  /** What the first task that failed threw. */
  failure: unknown;
  #woken = false;

  constructor(readonly queue: EventQueue) {}

  /** Runs a task; what it throws ends the simulation. */
  run(task: () => Promise<void>): void {
    this.#woken = true;
    task().catch((error: unknown) => {
      this.failure ??= error;
    });
  }

  deferred<T>(): Deferred<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const wake = (value: T) => {
      this.#woken = true;
      resolve(value);
    };
    return { promise, resolve: wake };
  }

  /** @param isAlive asked when the time has come; whoever died meanwhile sleeps for ever */
  sleep(ms: number, isAlive: () => boolean = () => true): Promise<void> {
    const { promise, resolve } = this.deferred<void>();
    this.queue.after(ms, () => {
      if (isAlive()) resolve();
    });
    return promise;
  }

  /** Lets everything go on that the last event has woken, as far as it goes. */
  async settle(): Promise<void> {
    while (this.#woken) {
      this.#woken = false;
      await afterMicrotasks();
    }
    if (this.failure !== undefined) throw this.failure;
  }
}
