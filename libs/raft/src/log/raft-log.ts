import { violated } from '../core/errors.js';
import { Logger } from '../core/logger.js';
import { Entry, INDEX_MAX, NO_ENTRIES, Snapshot } from '../core/messages.js';
import { Storage } from '../core/storage.js';
import { countWithin, entriesBytes } from './entry-size.js';
import { Unstable } from './unstable.js';

export interface EntryId {
  readonly term: number;
  readonly index: number;
}

/**
 * The whole log of one node: what storage holds, followed by the unstable tail.
 *
 * Owns: the commit and apply positions and the paging of what is applied. Does not own: who may append what.
 *
 * L1 applied ≤ applying ≤ committed ≤ lastIndex. None of them ever falls.
 * L2 Entries at or below committed are never replaced.
 * L3 Entries are handed out for application in order, each once, and only where durable unless told otherwise.
 */
export class RaftLog {
  readonly unstable: Unstable;
  /** Known to be held by a quorum. */
  committed: number;
  /** Handed out for application. */
  applying: number;
  /** Acknowledged as applied. */
  applied: number;
  readonly #storage: Storage;
  readonly #logger: Logger;
  /** Bound on what is handed out for application and not yet acknowledged, in bytes. */
  readonly #applyingBytesMax: number;
  #applyingBytes = 0;
  #applyingPaused = false;
  /** The last slice cut for a peer: peers that go in step get the same array. */
  #shared: { lo: number; bytesMax: number; entries: readonly Entry[] } | undefined;

  constructor(storage: Storage, logger: Logger, applyingBytesMax: number) {
    this.#storage = storage;
    this.#logger = logger;
    this.#applyingBytesMax = applyingBytesMax;
    this.unstable = new Unstable(storage.lastIndex() + 1, logger);
    const compacted = storage.firstIndex() - 1;
    this.committed = compacted;
    this.applying = compacted;
    this.applied = compacted;
  }

  get firstIndex(): number {
    return this.unstable.snapshot ? this.unstable.snapshot.index + 1 : this.#storage.firstIndex();
  }

  get lastIndex(): number {
    return this.unstable.lastIndex;
  }

  get lastTerm(): number {
    return this.term(this.lastIndex) ?? violated(`the term of the last entry, ${this.lastIndex}, is unknown`);
  }

  /** Term of the entry at `index`; undefined where it is compacted or not there yet. */
  term(index: number): number | undefined {
    const unstable = this.unstable.term(index);
    if (unstable !== undefined) return unstable;
    if (index >= this.unstable.offset || index + 1 < this.firstIndex) return undefined;
    return this.#storage.term(index);
  }

  matches(index: number, term: number): boolean {
    return this.term(index) === term;
  }

  /** True where a log that ends in the given entry misses nothing that this one has. */
  isUpToDate(index: number, term: number): boolean {
    const own = this.lastTerm;
    return term > own || (term === own && index >= this.lastIndex);
  }

  /** Appends an entry of the leader's own. */
  push(entry: Entry): void {
    if (entry.index !== this.lastIndex + 1) violated(`entry ${entry.index} does not follow ${this.lastIndex}`);
    if (entry.index > INDEX_MAX) violated(`the log is full: index ${entry.index}`);
    this.#shared = undefined;
    this.unstable.push(entry);
  }

  /**
   * Takes a leader's entries that follow the entry (prevIndex, prevTerm). Returns the index of the last of them, or
   * undefined where that entry is not in this log. Entries already here are left alone; conflicting ones are replaced.
   */
  maybeAppend(prevIndex: number, prevTerm: number, entries: readonly Entry[], commit: number): number | undefined {
    if (!this.matches(prevIndex, prevTerm)) return undefined;
    const lastNew = prevIndex + entries.length;
    const from = this.#findConflict(entries);
    if (from < entries.length) {
      const index = (entries[from] as Entry).index;
      if (index <= this.committed)
        violated(`entry ${index} conflict with committed entry [committed(${this.committed})]`);
      if (index !== prevIndex + 1 + from || lastNew > INDEX_MAX) violated(`entry ${index} is out of its place`);
      this.#shared = undefined;
      this.unstable.truncateAndAppend(entries, from);
    }
    // Only up to what this message vouches for: anything behind it in this log may still be replaced.
    this.commitTo(Math.min(commit, lastNew));
    return lastNew;
  }

  /** Commits up to an entry of the given term; false where that is not news or the entry is of another term. */
  maybeCommit(index: number, term: number): boolean {
    if (term === 0 || index <= this.committed || !this.matches(index, term)) return false;
    this.commitTo(index);
    return true;
  }

  commitTo(index: number): void {
    if (index <= this.committed) return;
    if (index > this.lastIndex) {
      violated(
        `tocommit(${index}) is out of range [lastIndex(${this.lastIndex})]. Was the raft log corrupted, truncated, or lost?`,
      );
    }
    this.committed = index;
  }

  /**
   * Where this log and another may meet, knowing of the other only that it has `term` at or behind `index`: the highest
   * index up to `index` whose term is not above `term`. Both sides use it, and thus skip a whole term per round trip.
   */
  findConflictByTerm(index: number, term: number): EntryId {
    for (let at = index; at > 0; at--) {
      const own = this.term(at);
      if (own === undefined) return { index: at, term: 0 };
      if (own <= term) return { index: at, term: own };
    }
    return { index: 0, term: 0 };
  }

  restore(snapshot: Snapshot): void {
    this.#logger.info(
      () => `log [${this.describe()}] starts to restore snapshot [index: ${snapshot.index}, term: ${snapshot.term}]`,
    );
    this.#shared = undefined;
    this.committed = snapshot.index;
    this.unstable.restore(snapshot);
  }

  snapshot(): Snapshot | undefined {
    return this.unstable.snapshot ?? this.#storage.snapshot();
  }

  /** Entries from `lo` to the end, at most `bytesMax`; undefined where `lo` is compacted. */
  entriesFrom(lo: number, bytesMax: number): readonly Entry[] | undefined {
    if (lo > this.lastIndex) return NO_ENTRIES;
    const shared = this.#shared;
    if (shared && shared.lo === lo && shared.bytesMax === bytesMax) return shared.entries;
    const entries = this.slice(lo, this.lastIndex + 1, bytesMax);
    this.#shared = entries && { lo, bytesMax, entries };
    return entries;
  }

  /** Entries in [lo, hi), cut to `bytesMax` but at least one; undefined where `lo` is compacted. */
  slice(lo: number, hi: number, bytesMax: number): readonly Entry[] | undefined {
    if (lo > hi || hi > this.lastIndex + 1) violated(`slice[${lo},${hi}) out of bound [..,${this.lastIndex}]`);
    const { unstable } = this;
    if (lo >= unstable.offset) return cut(unstable.slice(lo, hi), bytesMax);
    if (lo < this.firstIndex) return undefined;
    const stableEnd = Math.min(hi, unstable.offset);
    const stable = this.#storage.entries(lo, stableEnd, bytesMax);
    if (!stable || hi <= unstable.offset || stable.length < stableEnd - lo) return stable;
    return this.#extend(stable, hi, bytesMax);
  }

  #extend(stable: readonly Entry[], hi: number, bytesMax: number): readonly Entry[] {
    const tail = this.unstable.slice(this.unstable.offset, hi);
    const left = bytesMax - entriesBytes(stable);
    if (left <= 0) return stable;
    const count = countWithin(tail, left);
    if (count === 1 && entriesBytes(tail.slice(0, 1)) > left) return stable;
    return stable.concat(count === tail.length ? tail : tail.slice(0, count));
  }

  /** Index into `entries` of the first that is not in this log as it is; their number if there is none. */
  #findConflict(entries: readonly Entry[]): number {
    for (let at = 0; at < entries.length; at++) {
      const { index, term } = entries[at] as Entry;
      const own = this.term(index);
      if (own === term) continue;
      if (index <= this.lastIndex) {
        this.#logger.info(
          () => `found conflict at index ${index} [existing term: ${own ?? 0}, conflicting term: ${term}]`,
        );
      }
      return at;
    }
    return entries.length;
  }

  hasSnapshotInHand(): boolean {
    return this.unstable.snapshot !== undefined;
  }

  /** Committed entries to apply next (L3). None while a snapshot waits: what comes first would be unclear. */
  nextCommittedEntries(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommittedEntries(allowUnstable)) return NO_ENTRIES;
    const bytesMax = this.#applyingBytesMax - this.#applyingBytes;
    const entries = this.slice(this.applying + 1, this.#appliableIndex(allowUnstable) + 1, bytesMax);
    return entries ?? violated(`entries after ${this.applying} were compacted before they were applied`);
  }

  hasNextCommittedEntries(allowUnstable: boolean): boolean {
    if (this.#applyingPaused || this.hasSnapshotInHand()) return false;
    return this.applying < this.#appliableIndex(allowUnstable);
  }

  /** These entries have been handed out for application. */
  acceptApplying(entries: readonly Entry[], allowUnstable: boolean): void {
    const last = entries[entries.length - 1] as Entry;
    if (last.index > this.committed) violated(`applying(${last.index}) is out of range [committed(${this.committed})]`);
    this.applying = last.index;
    this.#applyingBytes += entriesBytes(entries);
    // A page that ends before it had to was cut for its size: the next entry would not fit either.
    this.#applyingPaused =
      this.#applyingBytes >= this.#applyingBytesMax || last.index < this.#appliableIndex(allowUnstable);
  }

  /** Everything up to `index` is applied; `bytes` of it had been handed out. */
  appliedTo(index: number, bytes: number): void {
    if (index > this.committed || index < this.applied) {
      violated(`applied(${index}) is out of range [prevApplied(${this.applied}), committed(${this.committed})]`);
    }
    this.applied = index;
    this.applying = Math.max(this.applying, index);
    this.#applyingBytes = Math.max(0, this.#applyingBytes - bytes);
    this.#applyingPaused = this.#applyingBytes >= this.#applyingBytesMax;
  }

  /** For log lines. */
  describe(): string {
    const { unstable } = this;
    return (
      `committed=${this.committed}, applied=${this.applied}, applying=${this.applying}, ` +
      `unstable.offset=${unstable.offset}, unstable.offsetInProgress=${unstable.offsetInProgress}, ` +
      `len(unstable.Entries)=${unstable.length}`
    );
  }

  #appliableIndex(allowUnstable: boolean): number {
    return allowUnstable ? this.committed : Math.min(this.committed, this.unstable.offset - 1);
  }
}

function cut(entries: readonly Entry[], bytesMax: number): readonly Entry[] {
  const count = countWithin(entries, bytesMax);
  return count === entries.length ? entries : entries.slice(0, count);
}
