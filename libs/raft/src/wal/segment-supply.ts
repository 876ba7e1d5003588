import type { Disk } from './disk.js';
import { RECORD_HEADER_BYTES, recordBytes, SEGMENT_HEADER_BYTES } from './format.js';
import { createSegment, type Segment } from './segment.js';

/** Keeps one preallocated segment ahead of the writer, so that rolling over costs no zeros on the hot path. */
export class SegmentSupply {
  private ready: Segment | undefined;
  private making: Promise<void> | undefined;

  constructor(
    private readonly disk: Disk,
    private readonly directory: string,
    private readonly memberId: string,
    private readonly segmentBytes: number,
    ready: Segment | undefined,
  ) {
    this.ready = ready;
  }

  /**
   * Begins to make segment `number` in the background. A failure, such as a full disk, harms nothing yet: `take` tries
   * once more when the segment is needed.
   */
  prepare(number: number): void {
    if (this.ready || this.making) return;
    this.making = this.create(number, this.segmentBytes).then(
      (segment) => {
        this.ready = segment;
        this.making = undefined;
      },
      () => {
        this.making = undefined;
      },
    );
  }

  /** @returns segment `number` with room for a record of `payloadBytes` */
  async take(number: number, payloadBytes: number): Promise<Segment> {
    await this.making;
    const bytes = Math.max(this.segmentBytes, segmentBytesFor(payloadBytes));
    const ready = this.ready;
    this.ready = undefined;
    if (ready && ready.header.bytes >= bytes) return ready;
    await ready?.file.close();
    return this.create(number, bytes);
  }

  async close(): Promise<void> {
    await this.making;
    await this.ready?.file.close();
    this.ready = undefined;
  }

  private create(number: number, bytes: number): Promise<Segment> {
    return createSegment(this.disk, this.directory, { number, bytes, memberId: this.memberId });
  }
}

/** Size of a segment that holds one record of `payloadBytes`, in whole pages. */
function segmentBytesFor(payloadBytes: number): number {
  return Math.ceil((SEGMENT_HEADER_BYTES + recordBytes(payloadBytes)) / 4096) * 4096;
}

/** The smallest segment that makes sense. */
export const SEGMENT_BYTES_MIN = SEGMENT_HEADER_BYTES + RECORD_HEADER_BYTES + 4064;
