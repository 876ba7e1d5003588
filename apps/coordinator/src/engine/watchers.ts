import type { TransactionRecord } from '@concordat/transaction';

type Listener = (record: TransactionRecord) => void;

/** Who watches which transaction, for server-sent events. A watch ends with its transaction or when it is closed. */
export class Watchers {
  readonly #listeners = new Map<string, Set<Listener>>();

  has(id: string): boolean {
    return this.#listeners.has(id);
  }

  /** @returns the function that ends the watch */
  add(id: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(id, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  notify(record: TransactionRecord): void {
    const listeners = this.#listeners.get(record.id);
    if (!listeners) return;
    for (const listener of [...listeners]) listener(record);
    if (record.status === 'completed') this.#listeners.delete(record.id);
  }
}
