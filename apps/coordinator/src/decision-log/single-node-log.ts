import { type WalEntry, type WalRecovery, WriteAheadLog } from '@concordat/raft';
import type { DecisionLog, DecisionLogListener, LogEntry } from './decision-log.js';

const NORMAL_ENTRY = 0;
/** Bound on the entries of one append, so that a burst does not delay the first of it behind the last. */
const BATCH_ENTRIES_MAX = 4096;

/**
 * The decision log of a cluster of one: its own quorum. Each start is a new term, made durable before anything is
 * proposed in it, so that terms and leadership mean what they mean under Raft.
 */
export class SingleNodeLog implements DecisionLog {
  readonly #wal: WriteAheadLog;
  #recovery: WalRecovery | undefined;
  #listener: DecisionLogListener | undefined;
  #term: number;
  #lastIndex: number;
  #queue: LogEntry[] = [];
  #writing: Promise<void> | undefined;
  #closed = false;

  private constructor(wal: WriteAheadLog, recovery: WalRecovery) {
    this.#wal = wal;
    this.#recovery = recovery;
    this.#term = recovery.hardState.term + 1;
    this.#lastIndex = recovery.entries.at(-1)?.index ?? recovery.snapshot?.index ?? 0;
  }

  /** @param directory holds the write-ahead log; made when missing, locked while open */
  static async open(directory: string): Promise<SingleNodeLog> {
    const { wal, recovery } = await WriteAheadLog.open({ directory });
    return new SingleNodeLog(wal, recovery);
  }

  get memberId(): string {
    return this.#wal.memberId;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get fsyncCount(): number {
    return this.#wal.fsyncCount;
  }

  get bytesWritten(): number {
    return this.#wal.bytesWritten;
  }

  async start(appliedIndex: number, listener: DecisionLogListener): Promise<void> {
    const recovery = this.#recovery;
    if (!recovery) throw new Error('the decision log was started before');
    this.#recovery = undefined;
    this.#listener = listener;
    const cutBelow = recovery.snapshot?.index ?? 0;
    if (appliedIndex < cutBelow || appliedIndex > this.#lastIndex) {
      throw new Error(
        `Postgres holds the state at index ${appliedIndex}, the decision log holds ${cutBelow + 1} to ${this.#lastIndex}: ` +
          'they do not belong together. Restore both from the same backup, or point DATABASE_URL and DATA_DIR at the same replica.',
      );
    }
    // D2: the new term is durable before this replica acts in it, so that no two starts ever share a term.
    await this.#wal.append({ hardState: { term: this.#term, vote: 1, commit: this.#lastIndex } });
    const unapplied = recovery.entries.filter((entry) => entry.index > appliedIndex);
    if (unapplied.length > 0) listener.onApply(unapplied);
    listener.onLeading(this.#term);
  }

  propose(term: number, data: Uint8Array): boolean {
    if (term !== this.#term || this.#closed || !this.#listener) return false;
    this.#lastIndex += 1;
    this.#queue.push({ index: this.#lastIndex, term, data });
    this.#writing ??= this.#write();
    return true;
  }

  async compact(throughIndex: number, term: number): Promise<void> {
    if (!this.#closed && throughIndex >= this.#wal.firstIndex) await this.#wal.compact(throughIndex, term);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    await this.#wal.close();
  }

  /** Group commit: all that queued up during one fdatasync goes into the next. */
  async #write(): Promise<void> {
    await Promise.resolve(); // lets everything proposed in this turn of the event loop join the first batch
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH_ENTRIES_MAX);
      try {
        await this.#wal.append({ entries: batch.map(toWalEntry) });
      } catch (error) {
        this.#closed = true;
        this.#listener?.onFailure(error as Error);
        return;
      }
      this.#listener?.onApply(batch); // durable first, then applied
    }
    this.#writing = undefined;
  }
}

const toWalEntry = (entry: LogEntry): WalEntry => ({ ...entry, type: NORMAL_ENTRY });
