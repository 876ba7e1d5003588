import { ConfState, Entry, HardState, Snapshot } from './messages.js';

/**
 * The core's synchronous view of what is already in the local log. Writes go the other way, through Ready.
 *
 * Answers must not change behind the core's back other than by what Ready asked for, and by compaction of entries that
 * are applied. All calls are expected to be answered from memory or quick reads.
 */
export interface Storage {
  /** Read once, at start. */
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };

  /** Index of the oldest entry still held (one above the last compacted one). */
  firstIndex(): number;

  /** Index of the newest entry, or `firstIndex() - 1` when there is none. */
  lastIndex(): number;

  /** Term of an entry in [firstIndex() - 1, lastIndex()]; undefined outside. */
  term(index: number): number | undefined;

  /**
   * Entries in [lo, hi), cut so that their sizes sum up to at most `bytesMax`, but at least one.
   * Undefined where `lo` is compacted. The returned array belongs to the caller, the entries are shared.
   */
  entries(lo: number, hi: number, bytesMax: number): readonly Entry[] | undefined;

  /** The newest snapshot, or undefined while none can be had; the core asks again later. */
  snapshot(): Snapshot | undefined;
}
