/**
 * Gathers messages while the previous batch is on its way and sends them as the next one: nothing lingers when idle
 * but what may (B5), and the busier it is the larger the batches become. Owns the queue and its bounds, deadlines and
 * retries; knows nothing of the broker.
 *
 * Invariants:
 * - B1 One batch is on its way at a time, so that retries keep the order of the messages.
 * - B2 Each send settles exactly once: stored, refused, or past its deadline.
 * - B3 Everything sent in one turn of the event loop is in one batch, within its bounds.
 * - B4 A message that the broker refuses does not fail the others of its batch: the batch is halved until it is alone.
 * - B5 A message that may wait goes with the next one that may not, and after its own time at the latest. It never holds
 *   up another, and the queue is always sent whole and in order.
 */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { OutgoingMessage } from './transport.js';
import { TransportError } from './transport-error.js';

interface BatcherOptions {
  /** Sends a batch. Rejects with a `TransportError`: one that is retryable is tried again until the deadline. */
  deliver(batch: readonly OutgoingMessage[]): Promise<void>;
  /** Told of every message whose send is rejected. */
  onFailed?(): void;
  /** Bound on messages that wait or are on their way. */
  queueMessagesMax: number;
  /** Bound on bytes of keys and values that wait or are on their way. */
  queueBytesMax: number;
  sendTimeoutMs: number;
  batchMessagesMax?: number;
  /** Below the broker's limit on one partition's batch (1 MB unless configured), as all may go to one partition. */
  batchBytesMax?: number;
  retryDelayMs?: number;
}

interface Entry {
  readonly message: OutgoingMessage;
  readonly bytes: number;
  readonly deadlineMs: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Batcher {
  readonly #options: Required<BatcherOptions>;
  #queue: Entry[] = [];
  /** Batches to be sent before the queue: those to be tried again, and halves of refused ones. */
  readonly #again: Entry[][] = [];
  #outstandingMessages = 0;
  #outstandingBytes = 0;
  #running: Promise<void> | undefined;
  /** When the queue goes, by performance.now(): 0 is now. While it is in the future, all that is queued may wait. */
  #dueMs = Number.POSITIVE_INFINITY;
  #dueTimer: NodeJS.Timeout | undefined;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: BatcherOptions) {
    this.#options = {
      batchMessagesMax: 4_000,
      batchBytesMax: 900_000,
      retryDelayMs: 100,
      onFailed: () => {},
      ...options,
    };
  }

  /** Resolves when the batch that carried the message is stored. */
  send(message: OutgoingMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const bytes = Buffer.byteLength(message.value) + Buffer.byteLength(message.key);
      const refusal = this.#refusal(bytes);
      if (refusal) {
        this.#options.onFailed();
        reject(refusal);
        return;
      }
      this.#outstandingMessages += 1;
      this.#outstandingBytes += bytes;
      const now = performance.now();
      const deadlineMs = now + this.#options.sendTimeoutMs;
      this.#queue.push({ message, bytes, deadlineMs, resolve, reject });
      const { waitMs = 0 } = message;
      this.#dueMs = Math.min(this.#dueMs, waitMs > 0 ? now + waitMs : 0);
      if (this.#running) this.#watchDeadlines();
      else this.#startWhenDue();
    });
  }

  /** Takes no more, and resolves when everything taken has settled. */
  async close(): Promise<void> {
    this.#closed = true;
    if (!this.#running && this.#queue.length > 0) this.#start();
    await this.#running;
    clearTimeout(this.#deadlineTimer);
  }

  #startWhenDue(): void {
    if (this.#dueMs === 0) return this.#start();
    clearTimeout(this.#dueTimer);
    this.#dueTimer = setTimeout(() => this.#start(), this.#dueMs - performance.now());
  }

  #start(): void {
    clearTimeout(this.#dueTimer);
    this.#dueTimer = undefined;
    this.#running = turn().then(() => this.#run());
  }

  /** Whether all that is queued may still wait, for something that may not. */
  get #mayWait(): boolean {
    return this.#again.length === 0 && !this.#closed && this.#dueMs > performance.now();
  }

  #refusal(bytes: number): TransportError | undefined {
    if (this.#closed) return new TransportError('transport-closed', 'The transport is closed.');
    const { batchBytesMax, queueMessagesMax, queueBytesMax } = this.#options;
    if (bytes > batchBytesMax) {
      return new TransportError(
        'transport-message-rejected',
        `A message of ${bytes} bytes is too large: at most ${batchBytesMax} can be sent.`,
      );
    }
    if (this.#outstandingMessages >= queueMessagesMax || this.#outstandingBytes + bytes > queueBytesMax) {
      return new TransportError(
        'transport-overloaded',
        `${this.#outstandingMessages} messages (${this.#outstandingBytes} bytes) wait to be sent already.`,
      );
    }
    return undefined;
  }

  /** Sends until nothing is left. Never rejects. */
  async #run(): Promise<void> {
    for (let batch = this.#takeBatch(); batch.length > 0; batch = this.#takeBatch()) {
      this.#watchDeadlines();
      try {
        await this.#options.deliver(batch.map((entry) => entry.message));
        for (const entry of batch) this.#settle(entry);
        // What arrived together with the broker's answer joins the next batch. Without this the batches of a busy
        // process fall apart into ever smaller ones, at twice the CPU and latency.
        if (this.#queue.length > 0) await turn();
        if (this.#mayWait) break;
      } catch (error) {
        await this.#recover(batch, error);
      }
    }
    this.#running = undefined;
    if (this.#queue.length > 0) this.#startWhenDue();
  }

  #takeBatch(): Entry[] {
    const again = this.#again.pop();
    if (again) return again;
    const { batchMessagesMax, batchBytesMax } = this.#options;
    let count = 0;
    let bytes = 0;
    for (const entry of this.#queue) {
      bytes += entry.bytes;
      if (count === batchMessagesMax || (bytes > batchBytesMax && count > 0)) break;
      count += 1;
    }
    if (count < this.#queue.length) {
      this.#dueMs = 0; // there is more than goes at once
      return this.#queue.splice(0, count);
    }
    const all = this.#queue;
    this.#queue = [];
    this.#dueMs = Number.POSITIVE_INFINITY;
    return all;
  }

  async #recover(batch: Entry[], error: unknown): Promise<void> {
    const retryable = error instanceof TransportError && error.retryable;
    if (!retryable && batch.length > 1) {
      const half = batch.length >> 1;
      this.#again.push(batch.slice(half), batch.slice(0, half));
      return;
    }
    if (!retryable) {
      for (const entry of batch) this.#settle(entry, error);
      return;
    }
    const remaining = this.#rejectExpired(batch, error);
    if (remaining.length === 0) return;
    this.#again.push(remaining);
    await delay(this.#options.retryDelayMs);
  }

  /** A send must not outlive its deadline while an earlier batch is being retried. */
  #watchDeadlines(): void {
    const head = this.#queue[0];
    if (this.#deadlineTimer || !head) return;
    this.#deadlineTimer = setTimeout(
      () => {
        this.#deadlineTimer = undefined;
        this.#queue = this.#rejectExpired(this.#queue, undefined);
        this.#watchDeadlines();
      },
      Math.max(0, head.deadlineMs - performance.now()) + 1,
    );
    this.#deadlineTimer.unref();
  }

  /** @returns the entries that have time left */
  #rejectExpired(entries: Entry[], cause: unknown): Entry[] {
    const now = performance.now();
    return entries.filter((entry) => {
      if (entry.deadlineMs > now) return true;
      const text = `The broker did not take the message within ${this.#options.sendTimeoutMs} ms.`;
      this.#settle(entry, new TransportError('transport-unavailable', text, { cause }));
      return false;
    });
  }

  #settle(entry: Entry, error?: unknown): void {
    this.#outstandingMessages -= 1;
    this.#outstandingBytes -= entry.bytes;
    if (error === undefined) return entry.resolve();
    this.#options.onFailed();
    entry.reject(error);
  }
}
