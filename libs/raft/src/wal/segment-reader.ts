import { crc32c } from './crc32c.js';
import {
  decodeRecordHeader,
  RECORD_ALIGNMENT_BYTES,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  recordBytes,
  SEGMENT_HEADER_BYTES,
  viewOf,
} from './format.js';
import { readFully, type Segment } from './segment.js';

const WINDOW_BYTES = 1 << 20;

export interface ReadRecord {
  header: RecordHeader;
  /** A view of the window it was read with: the text is in memory once. */
  payload: Uint8Array;
}

/** Reads a segment front to back, one window at a time. */
export class SegmentReader {
  private window: Uint8Array = new Uint8Array(0);
  private windowStart = 0;

  constructor(private readonly segment: Segment) {}

  /** @returns the record at `position`, or undefined if none that is whole begins there */
  async recordAt(position: number): Promise<ReadRecord | undefined> {
    const { salt, bytes } = this.segment.header;
    if (position + RECORD_HEADER_BYTES > bytes) return undefined;
    const head = await this.view(position, RECORD_HEADER_BYTES);
    const header = decodeRecordHeader(viewOf(head), 0, position, salt);
    if (!header || position + recordBytes(header.payloadBytes) > bytes) return undefined;
    const payload = await this.view(position + RECORD_HEADER_BYTES, header.payloadBytes);
    return crc32c(payload, 0, payload.length, salt) === header.payloadChecksum ? { header, payload } : undefined;
  }

  /** Looks from `position` to the end for the header of any record after `sequence`. @returns its position */
  async findRecordAfter(sequence: number, position: number): Promise<number | undefined> {
    const { bytes, salt } = this.segment.header;
    for (let start = position; start + RECORD_HEADER_BYTES <= bytes; start += WINDOW_BYTES) {
      const length = Math.min(WINDOW_BYTES + RECORD_HEADER_BYTES, bytes - start);
      const window = await readFully(this.segment.file, this.segment.path, start, length);
      if (isZero(window)) continue;
      const view = viewOf(window);
      for (let at = 0; at + RECORD_HEADER_BYTES <= window.length; at += RECORD_ALIGNMENT_BYTES) {
        const header = decodeRecordHeader(view, at, start + at, salt);
        if (header && header.sequence > sequence) return start + at;
      }
    }
    return undefined;
  }

  /** @returns the position behind the last byte at or after `position` that is not zero; `position` if there is none */
  async endOfData(position: number): Promise<number> {
    let end = position;
    for (let start = position; start < this.segment.header.bytes; start += WINDOW_BYTES) {
      const length = Math.min(WINDOW_BYTES, this.segment.header.bytes - start);
      const window = await readFully(this.segment.file, this.segment.path, start, length);
      if (isZero(window)) continue;
      let at = window.length;
      while (window[at - 1] === 0) at--;
      end = start + at;
    }
    return end;
  }

  private async view(position: number, length: number): Promise<Uint8Array> {
    const offset = position - this.windowStart;
    if (offset < 0 || offset + length > this.window.length) {
      const wanted = Math.max(length, Math.min(WINDOW_BYTES, this.segment.header.bytes - position));
      this.window = await readFully(this.segment.file, this.segment.path, position, wanted);
      this.windowStart = position;
      return this.window.subarray(0, length);
    }
    return this.window.subarray(offset, offset + length);
  }
}

/** The first place for a record. */
export const FIRST_RECORD_POSITION = SEGMENT_HEADER_BYTES;

const zeroWindow = Buffer.alloc(WINDOW_BYTES + RECORD_HEADER_BYTES);

function isZero(window: Uint8Array): boolean {
  return zeroWindow.subarray(0, window.length).equals(window);
}
