import type { HardState } from '../core/messages.js';
import type { ItemVisitor, WalEntry, WalSnapshot } from './batch.js';

/** The range of the log that a segment holds the valid text of; it ends where the next run begins. */
export interface SegmentRun {
  segment: number;
  firstIndex: number;
}

/**
 * Where the live log stands: indices only, no text. Owned by the write-ahead log while it runs, and by recovery.
 *
 * Invariant R1: a segment may go once no run and no snapshot is in it or in an older one; its hard state is repeated at
 * the head of the next.
 */
export class LogExtent {
  /** Of the snapshot the log begins behind; 0 without one. */
  snapshotIndex = 0;
  lastIndex = 0;
  snapshotSegment = 0;
  private readonly runs: SegmentRun[] = [];

  /** The log becomes an empty one behind the snapshot. */
  reset(segment: number, index: number): void {
    this.runs.length = 0;
    this.snapshotSegment = segment;
    this.snapshotIndex = index;
    this.lastIndex = index;
  }

  /** Entries to `index` are covered by a snapshot; the others stay. */
  compact(segment: number, index: number): void {
    this.snapshotSegment = segment;
    this.snapshotIndex = index;
    if (index >= this.lastIndex) {
      this.lastIndex = index;
      this.runs.length = 0;
    }
    while (this.runs.length > 1 && (this.runs[1] as SegmentRun).firstIndex <= index + 1) this.runs.shift();
  }

  /** Entries `[first, last]` were written; what stood at `first` and behind is void. */
  append(segment: number, first: number, last: number): void {
    while (this.runs.length > 0 && (this.runs.at(-1) as SegmentRun).firstIndex >= first) this.runs.pop();
    if (this.runs.at(-1)?.segment !== segment) this.runs.push({ segment, firstIndex: first });
    this.lastIndex = last;
  }

  /** @returns the oldest segment that is still needed; `current` is always */
  oldestNeeded(current: number): number {
    return Math.min(current, this.runs[0]?.segment ?? current, this.snapshotSegment || current);
  }
}

/** What recovery rebuilds from the records: the text and the extent. */
export class LogImage implements ItemVisitor {
  hardStateNow: HardState = { term: 0, vote: 0, commit: 0 };
  snapshotNow: WalSnapshot | undefined;
  readonly extent = new LogExtent();
  /** Set by the reader. */
  segment = 0;
  private entriesNow: WalEntry[] = [];

  hardState(state: HardState): void {
    this.hardStateNow = state;
  }

  entry(entry: WalEntry): void {
    const first = this.entriesNow[0];
    const at = first === undefined ? 0 : entry.index - first.index;
    if (first !== undefined && at > 0 && at <= this.entriesNow.length) {
      this.entriesNow.length = at;
      this.entriesNow.push(entry);
    } else {
      // What came before is overwritten, or it stood in segments that are gone, below a snapshot that comes later.
      this.entriesNow = [entry];
    }
    this.extent.append(this.segment, entry.index, entry.index);
  }

  snapshot(snapshot: WalSnapshot): void {
    this.snapshotNow = snapshot;
    this.entriesNow = [];
    this.extent.reset(this.segment, snapshot.index);
  }

  compaction(snapshot: WalSnapshot): void {
    this.snapshotNow = snapshot;
    this.extent.compact(this.segment, snapshot.index);
    const first = this.entriesNow[0];
    if (first && snapshot.index >= first.index) this.entriesNow.splice(0, snapshot.index - first.index + 1);
  }

  /** @returns the live entries. @throws Error if the log does not begin right behind its snapshot */
  liveEntries(): WalEntry[] {
    const expected = this.extent.snapshotIndex + 1;
    const found = this.entriesNow[0]?.index ?? expected;
    if (found !== expected) throw new Error(`the log begins with entry ${found}, entry ${expected} is due`);
    return this.entriesNow;
  }
}
