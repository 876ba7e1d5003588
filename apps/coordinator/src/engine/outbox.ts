import type { OutcomeEvent } from '@concordat/protocol';
import type { TransactionRecord } from '@concordat/transaction';

/**
 * Decided transactions whose outcome event is not known to be published, in the order of the log. Every replica keeps
 * one, so that a new leader publishes from the logged watermark on (at least once).
 */
export class Outbox {
  readonly #events: OutcomeEvent[] = [];
  #head = 0;

  constructor(unpublished: readonly TransactionRecord[]) {
    this.load(unpublished);
  }

  /** Replaces everything. */
  load(unpublished: readonly TransactionRecord[]): void {
    this.#events.length = 0;
    this.#head = 0;
    const decided = [...unpublished].sort((a, b) => (a.decidedIndex ?? 0) - (b.decidedIndex ?? 0));
    for (const record of decided) this.add(record);
  }

  get size(): number {
    return this.#events.length - this.#head;
  }

  /** Takes up a transaction at the entry that decided it. */
  add(record: TransactionRecord): void {
    if (record.decidedIndex === null || record.outcome === null) return;
    this.#events.push({
      v: 1,
      type: record.outcome === 'committed' ? 'transaction.committed' : 'transaction.aborted',
      transactionId: record.id,
      index: record.decidedIndex,
      csn: record.csn,
      at: new Date(record.decidedAt ?? 0).toISOString(),
      label: record.label,
      participants: [...new Set(record.branches.map((branch) => branch.participant))],
      reason: record.reason,
    });
  }

  /** Forgets everything up to the index, which the log now says is published. */
  published(index: number): void {
    while (this.#head < this.#events.length && (this.#events[this.#head] as OutcomeEvent).index <= index)
      this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#events.length) {
      this.#events.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** The next events above the index, oldest first; a term entry may have several with the same index. */
  after(index: number, max: number): OutcomeEvent[] {
    let from = this.#head;
    while (from < this.#events.length && (this.#events[from] as OutcomeEvent).index <= index) from += 1;
    let to = Math.min(from + max, this.#events.length);
    while (to > from && to < this.#events.length && this.#events[to]?.index === this.#events[to - 1]?.index) to += 1;
    return this.#events.slice(from, to);
  }
}
