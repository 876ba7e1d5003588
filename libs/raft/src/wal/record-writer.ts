import type { HardState } from '../core/messages.js';
import { encodeItems, itemsBytes, type QueuedItems } from './batch.js';
import type { Disk } from './disk.js';
import { RECORD_HEADER_BYTES, recordBytes, sealRecord, viewOf } from './format.js';
import type { RecoveredLog } from './recovery.js';
import type { Segment } from './segment.js';
import { FIRST_RECORD_POSITION } from './segment-reader.js';
import { SegmentSupply } from './segment-supply.js';

const BUFFER_BYTES_MIN = 64 * 1024;
/** A larger buffer, made for one large record, is dropped after it. */
const BUFFER_BYTES_KEPT = 8 * 1024 * 1024;

/** Turns queued items into records at the end of the log. One write at a time; after an error it must not be used. */
export class RecordWriter {
  recordCount = 0;
  bytesWritten = 0;
  private current: Segment;
  private position: number;
  private sequence: number;
  private buffer: Uint8Array = Buffer.allocUnsafeSlow(BUFFER_BYTES_MIN);
  private view = viewOf(this.buffer);
  private readonly supply: SegmentSupply;

  /** @param hardState the one in force; it is repeated at the head of every segment, so that older ones can go */
  constructor(
    disk: Disk,
    directory: string,
    segmentBytes: number,
    log: RecoveredLog,
    private hardState: HardState,
  ) {
    this.current = log.current;
    this.position = log.position;
    this.sequence = log.nextSequence;
    this.supply = new SegmentSupply(disk, directory, log.memberId, segmentBytes, log.next);
  }

  get segmentNumber(): number {
    return this.current.header.number;
  }

  /** Writes one record. @param payloadBytes the sum of the items' bytes */
  write(items: readonly QueuedItems[], payloadBytes: number, done: (error?: Error) => void): void {
    if (this.position + recordBytes(payloadBytes) <= this.current.header.bytes) {
      this.writeHere(items, payloadBytes, done);
      return;
    }
    const withState: QueuedItems[] = [{ hardState: this.hardState }, ...items];
    const bytes = payloadBytes + itemsBytes(withState[0] as QueuedItems);
    this.rollOver(bytes).then(() => this.writeHere(withState, bytes, done), done);
  }

  async close(): Promise<void> {
    await this.supply.close();
    await this.current.file.close();
  }

  private async rollOver(payloadBytes: number): Promise<void> {
    const next = await this.supply.take(this.segmentNumber + 1, payloadBytes);
    const full = this.current;
    this.current = next;
    this.position = FIRST_RECORD_POSITION;
    await full.file.close();
  }

  private writeHere(items: readonly QueuedItems[], payloadBytes: number, done: (error?: Error) => void): void {
    const bytes = recordBytes(payloadBytes);
    this.makeRoom(bytes);
    let at = RECORD_HEADER_BYTES;
    for (const one of items) {
      at = encodeItems(this.buffer, this.view, at, one);
      if (one.hardState) this.hardState = one.hardState;
    }
    const record = { payloadBytes, sequence: this.sequence, position: this.position };
    sealRecord(this.buffer, this.view, 0, record, this.current.header.salt);
    this.persist(
      0,
      bytes,
      () => {
        this.sequence++;
        this.position += bytes;
        this.recordCount++;
        this.bytesWritten += bytes;
        // Only now: a segment beyond the next may exist only if this one holds a durable record.
        if (this.position > this.current.header.bytes / 2) this.supply.prepare(this.segmentNumber + 1);
        if (this.buffer.length > BUFFER_BYTES_KEPT) this.resize(BUFFER_BYTES_MIN);
        done();
      },
      done,
    );
  }

  /** Goes on behind a short write; that is no failure. */
  private persist(from: number, to: number, done: () => void, failed: (error: Error) => void): void {
    this.current.file.persist(this.buffer, from, to, this.position + from, (error, written) => {
      if (error) failed(error);
      else if (from + written >= to) done();
      else if (written > 0) this.persist(from + written, to, done, failed);
      else failed(new Error('the disk took none of a write'));
    });
  }

  private makeRoom(bytes: number): void {
    if (bytes <= this.buffer.length) return;
    this.resize(2 ** Math.ceil(Math.log2(bytes)));
  }

  private resize(bytes: number): void {
    this.buffer = Buffer.allocUnsafeSlow(bytes);
    this.view = viewOf(this.buffer);
  }
}
