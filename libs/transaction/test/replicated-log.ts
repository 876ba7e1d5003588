import { decodeEntry, type Entry, encodeEntry } from '../src/entries.js';

export interface LoggedEntry {
  readonly index: number;
  readonly term: number;
  readonly entry: Entry;
}

/**
 * A replicated log as its users see it: what a leader proposes is committed in order, and a change of leader keeps an
 * arbitrary prefix of what was not committed yet. Nothing of an earlier term is committed after an entry of a later one.
 */
export class ReplicatedLog {
  readonly committed: LoggedEntry[] = [];
  term = 0;
  #pending: Entry[] = [];

  get pendingCount(): number {
    return this.#pending.length;
  }

  /** A proposal of a leader that was deposed goes nowhere. */
  propose(term: number, entry: Entry): void {
    if (term === this.term) this.#pending.push(entry);
  }

  commitNext(): void {
    const entry = this.#pending.shift();
    // Through the codec, as on disk: what an entry cannot carry is lost here.
    if (entry) {
      const index = this.committed.length + 1;
      this.committed.push({ index, term: this.term, entry: decodeEntry(encodeEntry(entry)) });
    }
  }

  /** @returns the new term */
  changeLeader(survivors: number): number {
    for (let i = 0; i < survivors; i += 1) this.commitNext();
    this.#pending = [];
    this.term += 1;
    return this.term;
  }
}
