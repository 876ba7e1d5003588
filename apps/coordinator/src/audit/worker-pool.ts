/** A bounded number of worker threads. A task whose worker fails or dies is done again, a bounded number of times. */
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { AuditTask, WorkerReport, WorkerSetup } from './audit-tasks.js';

/** How often one task is tried before the audit fails. */
const TASK_ATTEMPTS_MAX = 5;
const RETRY_MIN_MS = 250;
/** A worker that needs more is ended, and its task done again: the coordinator beside it keeps its memory. */
const WORKER_HEAP_MB = 256;

export interface WorkerPoolOptions {
  readonly size: number;
  /** The compiled worker. */
  readonly file: URL;
  readonly setup: WorkerSetup;
  readonly onRead: (piece: number, records: number) => void;
  /** A task failed and will be tried again. */
  readonly onRetry: (task: AuditTask, error: Error) => void;
}

export class WorkerPool {
  readonly #workers = new Set<Worker>();
  /** Those that wait for a task. */
  readonly #idle: Worker[] = [];
  #closed = false;

  constructor(private readonly options: WorkerPoolOptions) {}

  /**
   * Does all tasks, each once with success.
   * @param onDone told of each
   * @throws Error when a task has failed too often, or the pool was closed
   */
  async runAll(tasks: readonly AuditTask[], onDone: (task: AuditTask) => void): Promise<void> {
    const waiting = [...tasks];
    const lane = async (): Promise<void> => {
      try {
        for (let task = waiting.shift(); task; task = waiting.shift()) {
          await this.#runTask(task);
          onDone(task);
        }
      } catch (error) {
        waiting.length = 0; // the other lanes finish what they have begun
        throw error;
      }
    };
    const size = Math.min(this.options.size, tasks.length);
    const results = await Promise.allSettled(Array.from({ length: size }, lane));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Ends every worker at once, whatever it does. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#workers].map((worker) => this.#end(worker)));
  }

  async #runTask(task: AuditTask): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.#closed) throw new Error('the audit was stopped');
      const worker = this.#idle.pop() ?? this.#start();
      try {
        await this.#once(worker, task);
        this.#idle.push(worker);
        return;
      } catch (error) {
        await this.#end(worker); // also one that only failed: the next one begins afresh
        if (attempt >= TASK_ATTEMPTS_MAX || this.#closed) throw error;
        this.options.onRetry(task, error as Error);
        await delay(RETRY_MIN_MS * 2 ** attempt);
      }
    }
  }

  #start(): Worker {
    const worker = new Worker(this.options.file, {
      workerData: this.options.setup,
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB },
    });
    worker.on('error', () => undefined); // told by the exit that follows, to who waits
    this.#workers.add(worker);
    worker.once('exit', () => this.#workers.delete(worker));
    return worker;
  }

  #once(worker: Worker, task: AuditTask): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        worker.off('message', hear).off('error', settle).off('exit', gone);
        if (error) reject(error);
        else resolve();
      };
      const hear = (report: WorkerReport): void => {
        if (report.type === 'read') this.options.onRead(report.piece, report.records);
        else settle(report.type === 'failed' ? new Error(report.message) : undefined);
      };
      const gone = (code: number): void => settle(new Error(`an audit worker ended with ${code}`));
      worker.on('message', hear).on('error', settle).on('exit', gone);
      worker.postMessage(task);
    });
  }

  async #end(worker: Worker): Promise<void> {
    await worker.terminate();
    this.#workers.delete(worker);
  }
}
