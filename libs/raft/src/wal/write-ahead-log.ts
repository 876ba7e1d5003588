import { join } from 'node:path';
import type { HardState } from '../core/messages.js';
import {
  checkBatch,
  checkIntegers,
  itemsBytes,
  type QueuedItems,
  type WalBatch,
  type WalEntry,
  type WalSnapshot,
} from './batch.js';
import type { Disk, DiskLock } from './disk.js';
import { WalClosedError, WalOverloadedError, WalPoisonedError, WalUsageError } from './errors.js';
import { RECORD_PAYLOAD_BYTES_MAX, segmentName } from './format.js';
import type { LogExtent } from './log-image.js';
import { RealDisk } from './real-disk.js';
import { RecordWriter } from './record-writer.js';
import { type RecoveredLog, recoverLog } from './recovery.js';
import { SEGMENT_BYTES_MIN } from './segment-supply.js';

const SEGMENT_BYTES_DEFAULT = 64 * 1024 * 1024;
/** One flush takes at most this much of the queue, or a single larger batch. */
const FLUSH_BYTES_MAX = 4 * 1024 * 1024;
const QUEUED_BYTES_MAX_DEFAULT = 256 * 1024 * 1024;

export interface WalOptions {
  directory: string;
  /** Size of a segment file; 64 MiB unless told. */
  segmentBytes?: number;
  /** Appends beyond this many bytes in the queue are refused; 256 MiB unless told. */
  queuedBytesMax?: number;
  disk?: Disk;
  /** Told of every flush that succeeded, when it is durable: how long it took, in ms, and how many bytes it made durable. */
  onFlush?: (durationMs: number, bytes: number) => void;
}

export interface WalRecovery {
  /** 32 hexadecimal digits, made once when the directory was. */
  memberId: string;
  hardState: HardState;
  snapshot: WalSnapshot | undefined;
  /** Behind the snapshot, contiguous. */
  entries: WalEntry[];
  /** Bytes of an unacknowledged write that were cut off. */
  truncatedTailBytes: number;
  /** Whether the directory was empty. */
  created: boolean;
}

type Settings = Required<Pick<WalOptions, 'directory' | 'disk' | 'queuedBytesMax' | 'onFlush'>>;

interface Waiting {
  items: QueuedItems;
  bytes: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

/**
 * A Raft log on disk. Owns one directory and the order of what is written to it.
 *
 * Invariants:
 * - W1: an append resolves only after its record is durable.
 * - W2: one flush runs at a time; what is queued meanwhile goes with the next, as one record, one write, one sync.
 * - W3: after any failure of a write, sync or removal the log is poisoned: nothing is written again, every append rejects.
 * - W4: segments are removed oldest first, and only once what replaces them is durable.
 */
export class WriteAheadLog {
  private queue: Waiting[] = [];
  private queuedBytes = 0;
  private flushing = false;
  private poison: WalPoisonedError | undefined;
  private closing: Promise<void> | undefined;
  private removal: Promise<void> = Promise.resolve();
  private idle: (() => void) | undefined;
  private accepted: { snapshotIndex: number; lastIndex: number };

  private constructor(
    private readonly options: Settings,
    private readonly lock: DiskLock,
    private readonly writer: RecordWriter,
    private readonly extent: LogExtent,
    private readonly segments: number[],
    readonly memberId: string,
  ) {
    this.accepted = { snapshotIndex: extent.snapshotIndex, lastIndex: extent.lastIndex };
  }

  /** Takes the directory for this process alone and reads it back; an empty one becomes a new member's log. */
  static async open(options: WalOptions): Promise<{ wal: WriteAheadLog; recovery: WalRecovery }> {
    const { directory, disk = new RealDisk(), segmentBytes = SEGMENT_BYTES_DEFAULT } = options;
    if (!Number.isSafeInteger(segmentBytes) || segmentBytes < SEGMENT_BYTES_MIN) {
      throw new WalUsageError(`a segment of ${segmentBytes} bytes is too small; ${SEGMENT_BYTES_MIN} is the least`);
    }
    await disk.makeDirectory(directory);
    const lock = await disk.lock(directory);
    try {
      const log = await recoverLog(disk, directory, segmentBytes);
      const entries = log.image.liveEntries();
      const writer = new RecordWriter(disk, directory, segmentBytes, log, log.image.hardStateNow);
      const { queuedBytesMax = QUEUED_BYTES_MAX_DEFAULT, onFlush = () => undefined } = options;
      const settings = { directory, disk, queuedBytesMax, onFlush };
      const segments = [...log.olderSegments, log.current.header.number];
      const wal = new WriteAheadLog(settings, lock, writer, log.image.extent, segments, log.memberId);
      return { wal, recovery: recoveryOf(log, entries) };
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** First index that is not covered by the snapshot, as accepted; maybe not durable yet. */
  get firstIndex(): number {
    return this.accepted.snapshotIndex + 1;
  }

  /** Last index accepted; maybe not durable yet. */
  get lastIndex(): number {
    return this.accepted.lastIndex;
  }

  /** Flushes made durable since opening. */
  get fsyncCount(): number {
    return this.writer.recordCount;
  }

  /** Bytes of records written since opening. */
  get bytesWritten(): number {
    return this.writer.bytesWritten;
  }

  /**
   * Resolves once the batch is durable. Calls take effect in their order, each as a whole or not at all. Entries at or
   * below the last index replace what was there and all behind it; a snapshot replaces the whole log.
   */
  append(batch: WalBatch): Promise<void> {
    return this.enqueue(batch, () => {
      checkBatch(batch);
      const base = batch.snapshot
        ? { snapshotIndex: batch.snapshot.index, lastIndex: batch.snapshot.index }
        : this.accepted;
      const first = batch.entries?.[0]?.index;
      if (first === undefined) return base;
      if (first <= base.snapshotIndex || first > base.lastIndex + 1) {
        throw new WalUsageError(`entry ${first} does not fit a log of ${base.snapshotIndex + 1} to ${base.lastIndex}`);
      }
      return {
        snapshotIndex: base.snapshotIndex,
        lastIndex: first + (batch.entries as readonly WalEntry[]).length - 1,
      };
    });
  }

  /**
   * Records a snapshot of the caller's that covers all entries to `throughIndex`, and removes the segments that nobody
   * needs any more. Resolves once the mark is durable and they are gone.
   */
  async compact(throughIndex: number, term: number, data: Uint8Array = new Uint8Array(0)): Promise<void> {
    await this.enqueue({ compaction: { index: throughIndex, term, data } }, () => {
      checkIntegers(throughIndex, term);
      const { snapshotIndex, lastIndex } = this.accepted;
      if (throughIndex < snapshotIndex || throughIndex > lastIndex) {
        throw new WalUsageError(
          `a snapshot at ${throughIndex} does not fit a log of ${snapshotIndex + 1} to ${lastIndex}`,
        );
      }
      return { snapshotIndex: throughIndex, lastIndex };
    });
    this.removal = this.removal.then(() => this.removeUnneeded());
    await this.removal;
    if (this.poison) throw this.poison;
  }

  /** Writes what is queued, marks the log as closed, and gives the directory free. */
  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private async finish(): Promise<void> {
    // The mark stands behind the last record, so that damage to that one is told from a torn write (F1).
    const marked = this.poison ? undefined : this.enqueue({ closed: true }, () => this.accepted).catch(() => undefined);
    await marked;
    if (this.flushing) await new Promise<void>((resolve) => (this.idle = resolve));
    await this.removal;
    await this.writer.close();
    await this.lock.release();
  }

  private enqueue(items: QueuedItems, admit: () => { snapshotIndex: number; lastIndex: number }): Promise<void> {
    if (this.poison) return Promise.reject(this.poison);
    if (this.closing) return Promise.reject(new WalClosedError(this.options.directory));
    const bytes = itemsBytes(items);
    try {
      if (bytes > RECORD_PAYLOAD_BYTES_MAX / 2) throw new WalUsageError(`a batch of ${bytes} bytes is too large`);
      if (this.queuedBytes > 0 && this.queuedBytes + bytes > this.options.queuedBytesMax) {
        throw new WalOverloadedError(this.queuedBytes + bytes, this.options.queuedBytesMax);
      }
      this.accepted = admit();
    } catch (error) {
      return Promise.reject(error);
    }
    this.queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      this.queue.push({ items, bytes, resolve, reject });
      if (this.flushing) return;
      this.flushing = true;
      // Whatever else is appended in this turn goes with the same flush.
      queueMicrotask(() => this.flush());
    });
  }

  /** W2. */
  private flush(): void {
    if (this.queue.length === 0) {
      this.flushing = false;
      this.idle?.();
      return;
    }
    const batch = this.takeBatch();
    let payloadBytes = 0;
    for (const waiting of batch) payloadBytes += waiting.bytes;
    const startedMs = performance.now();
    this.writer.write(
      batch.map((waiting) => waiting.items),
      payloadBytes,
      (error) => {
        this.queuedBytes -= payloadBytes;
        if (error) this.fail(error, batch);
        else {
          this.options.onFlush(performance.now() - startedMs, payloadBytes);
          for (const waiting of batch) this.settle(waiting);
        }
        this.flush();
      },
    );
  }

  private takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.queue) {
      if (count > 0 && bytes + waiting.bytes > FLUSH_BYTES_MAX) break;
      bytes += waiting.bytes;
      count++;
    }
    const rest = count < this.queue.length ? this.queue.slice(count) : [];
    const taken = this.queue;
    taken.length = count;
    this.queue = rest;
    return taken;
  }

  private settle({ items, resolve }: Waiting): void {
    const segment = this.writer.segmentNumber;
    if (segment !== this.segments.at(-1)) this.segments.push(segment);
    if (items.snapshot) this.extent.reset(segment, items.snapshot.index);
    if (items.compaction) this.extent.compact(segment, items.compaction.index);
    const entries = items.entries;
    if (entries && entries.length > 0) {
      const first = (entries[0] as WalEntry).index;
      this.extent.append(segment, first, first + entries.length - 1);
    }
    resolve();
  }

  /** W3. */
  private fail(error: Error, batch: Waiting[]): void {
    this.poison ??= new WalPoisonedError(this.options.directory, error);
    for (const waiting of [...batch, ...this.queue]) waiting.reject(this.poison);
    this.queue = [];
  }

  /** W4. */
  private async removeUnneeded(): Promise<void> {
    const { disk, directory } = this.options;
    try {
      while (!this.poison && (this.segments[0] as number) < this.extent.oldestNeeded(this.writer.segmentNumber)) {
        await disk.remove(join(directory, segmentName(this.segments[0] as number)));
        await disk.syncDirectory(directory);
        this.segments.shift();
      }
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)), []);
    }
  }
}

function recoveryOf(log: RecoveredLog, entries: WalEntry[]): WalRecovery {
  return {
    memberId: log.memberId,
    hardState: log.image.hardStateNow,
    snapshot: log.image.snapshotNow,
    entries,
    truncatedTailBytes: log.truncatedTailBytes,
    created: log.created,
  };
}
