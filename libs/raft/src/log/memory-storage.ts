import { RaftCompactedError, RaftSnapshotOutOfDateError, violated } from '../core/errors.js';
import { ConfState, EMPTY_HARD_STATE, Entry, HardState, NO_BYTES, NO_CONF_STATE, Snapshot } from '../core/messages.js';
import { Storage } from '../core/storage.js';
import { countWithin } from './entry-size.js';

/**
 * A log in memory: for tests, and as the readable tail in front of a log on disk.
 *
 * S1 `#entries[i]` has index compacted + 1 + i.
 * S2 Arrays handed out are never changed afterwards.
 */
export class MemoryStorage implements Storage {
  hardState: HardState = EMPTY_HARD_STATE;
  #snapshot: Snapshot = { index: 0, term: 0, confState: NO_CONF_STATE, data: NO_BYTES };
  #compacted = { index: 0, term: 0 };
  #entries: Entry[] = [];

  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.hardState, confState: this.#snapshot.confState };
  }

  firstIndex(): number {
    return this.#compacted.index + 1;
  }

  lastIndex(): number {
    return this.#compacted.index + this.#entries.length;
  }

  term(index: number): number | undefined {
    if (index === this.#compacted.index) return this.#compacted.term;
    return this.#entries[index - this.firstIndex()]?.term;
  }

  entries(lo: number, hi: number, bytesMax: number): readonly Entry[] | undefined {
    const first = this.firstIndex();
    if (lo < first) return undefined;
    if (hi > this.lastIndex() + 1) violated(`entries' hi(${hi}) is out of bound lastindex(${this.lastIndex()})`);
    const entries = this.#entries.slice(lo - first, hi - first);
    const count = countWithin(entries, bytesMax);
    return count === entries.length ? entries : entries.slice(0, count);
  }

  snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Appends, replacing whatever lies at or behind the first new index. Entries already compacted are skipped. */
  append(entries: readonly Entry[]): void {
    const first = this.firstIndex();
    const skip = entries.length === 0 ? 0 : Math.max(0, first - (entries[0] as Entry).index);
    if (skip >= entries.length) return;
    const at = (entries[skip] as Entry).index - first;
    if (at > this.#entries.length) {
      violated(`missing log entry [last: ${this.lastIndex()}, append at: ${(entries[skip] as Entry).index}]`);
    }
    this.#entries.length = at;
    for (let from = skip; from < entries.length; from++) this.#entries.push(entries[from] as Entry);
  }

  /** Replaces everything by a snapshot. */
  applySnapshot(snapshot: Snapshot): void {
    if (this.#snapshot.index !== 0 && this.#snapshot.index >= snapshot.index) {
      throw new RaftSnapshotOutOfDateError(snapshot.index, this.#snapshot.index);
    }
    this.#snapshot = snapshot;
    this.#compacted = { index: snapshot.index, term: snapshot.term };
    this.#entries = [];
  }

  /** Makes a snapshot of the state as of `index`, which must be applied. */
  createSnapshot(index: number, confState: ConfState, data: Uint8Array): Snapshot {
    if (index <= this.#snapshot.index) throw new RaftSnapshotOutOfDateError(index, this.#snapshot.index);
    const term = this.term(index) ?? violated(`snapshot ${index} is out of bound lastindex(${this.lastIndex()})`);
    this.#snapshot = { index, term, confState, data };
    return this.#snapshot;
  }

  /** Drops all entries up to and including `index`, which must be applied. Throws RaftCompactedError where done before. */
  compact(index: number): void {
    if (index <= this.#compacted.index) throw new RaftCompactedError(index);
    const term = this.term(index) ?? violated(`compact ${index} is out of bound lastindex(${this.lastIndex()})`);
    this.#entries = this.#entries.slice(index - this.#compacted.index);
    this.#compacted = { index, term };
  }
}
