import { violated } from '../core/errors.js';
import { Logger } from '../core/logger.js';
import { Entry, NO_ENTRIES, Snapshot } from '../core/messages.js';

/**
 * The tail of the log, and possibly a snapshot, that storage does not hold yet.
 *
 * Owns: what waits to be written and what is being written. Does not own: what storage already holds.
 *
 * U1 The entry at log index i is `entries[i - offset]`; the log ends at offset + length - 1.
 * U2 offset ≤ offsetInProgress ≤ offset + length. Entries below offsetInProgress have been handed out for writing.
 * U3 Storage may still hold older entries at offset and above; the next write replaces them.
 * U4 Arrays handed out are never changed afterwards.
 */
export class Unstable {
  snapshot: Snapshot | undefined;
  snapshotInProgress = false;
  offset: number;
  offsetInProgress: number;
  #entries: Entry[] = [];
  readonly #logger: Logger;

  constructor(offset: number, logger: Logger) {
    this.offset = offset;
    this.offsetInProgress = offset;
    this.#logger = logger;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Index of the last entry of the whole log (U1). */
  get lastIndex(): number {
    return this.offset + this.#entries.length - 1;
  }

  /** Term at an index that is in here, as an entry or as the snapshot's own. */
  term(index: number): number | undefined {
    if (index >= this.offset) return this.#entries[index - this.offset]?.term;
    return this.snapshot?.index === index ? this.snapshot.term : undefined;
  }

  /** Entries not yet handed out for writing. */
  nextEntries(): readonly Entry[] {
    if (!this.hasNextEntries()) return NO_ENTRIES;
    return this.#entries.slice(this.offsetInProgress - this.offset);
  }

  hasNextEntries(): boolean {
    return this.offsetInProgress <= this.lastIndex;
  }

  nextSnapshot(): Snapshot | undefined {
    return this.snapshotInProgress ? undefined : this.snapshot;
  }

  /** Everything here has now been handed out for writing. */
  acceptInProgress(): void {
    this.offsetInProgress = this.lastIndex + 1;
    if (this.snapshot) this.snapshotInProgress = true;
  }

  /**
   * Entries up to this one are durable, and no write under way can replace them (the caller vouches for that).
   * Ignored where the entry has been replaced since.
   */
  stableTo(index: number, term: number): void {
    const own = this.term(index);
    if (own === undefined) {
      this.#logger.info(() => `entry at index ${index} missing from unstable log; ignoring`);
      return;
    }
    if (index < this.offset) {
      this.#logger.info(() => `entry at index ${index} matched unstable snapshot; ignoring`);
      return;
    }
    if (own !== term) {
      const entry = `entry at (index,term)=(${index},${term})`;
      this.#logger.info(() => `${entry} mismatched with entry at (${index},${own}) in unstable log; ignoring`);
      return;
    }
    this.#entries = index === this.lastIndex ? [] : this.#entries.slice(index + 1 - this.offset);
    this.offset = index + 1;
    this.offsetInProgress = Math.max(this.offsetInProgress, this.offset);
  }

  stableSnapshotTo(index: number): void {
    if (this.snapshot?.index !== index) return;
    this.snapshot = undefined;
    this.snapshotInProgress = false;
  }

  restore(snapshot: Snapshot): void {
    this.offset = snapshot.index + 1;
    this.offsetInProgress = this.offset;
    this.#entries = [];
    this.snapshot = snapshot;
    this.snapshotInProgress = false;
  }

  /** Appends one entry that continues the log. */
  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Appends entries[from…], replacing what conflicts with them. */
  truncateAndAppend(entries: readonly Entry[], from: number): void {
    const first = (entries[from] as Entry).index;
    if (first <= this.offset && first !== this.lastIndex + 1) {
      this.#logger.info(() => `replace the unstable entries from index ${first}`);
      this.#entries = [];
      this.offset = first;
      this.offsetInProgress = first;
    } else if (first <= this.lastIndex) {
      this.#logger.info(() => `truncate the unstable entries before index ${first}`);
      this.#entries.length = first - this.offset;
      this.offsetInProgress = Math.min(this.offsetInProgress, first);
    }
    for (let at = from; at < entries.length; at++) this.#entries.push(entries[at] as Entry);
  }

  /** Entries in [lo, hi), all of which must be here. */
  slice(lo: number, hi: number): Entry[] {
    if (lo > hi || lo < this.offset || hi > this.lastIndex + 1) {
      violated(`unstable.slice[${lo},${hi}) out of bound [${this.offset},${this.lastIndex + 1}]`);
    }
    return this.#entries.slice(lo - this.offset, hi - this.offset);
  }
}
