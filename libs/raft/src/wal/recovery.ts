import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { decodeItems } from './batch.js';
import type { Disk } from './disk.js';
import { WalCorruptionError } from './errors.js';
import { recordBytes, segmentName, segmentNumberOf } from './format.js';
import { LogImage } from './log-image.js';
import { createSegment, openSegment, readFully, type Segment, writeZeros } from './segment.js';
import { FIRST_RECORD_POSITION, SegmentReader } from './segment-reader.js';

/** What opening a directory found, and where writing goes on. */
export interface RecoveredLog {
  memberId: string;
  image: LogImage;
  created: boolean;
  truncatedTailBytes: number;
  /** Numbers of all segments before `current`, ascending. */
  olderSegments: number[];
  current: Segment;
  /** Preallocated, without records. */
  next: Segment | undefined;
  position: number;
  nextSequence: number;
}

/** A place between records. */
interface Place {
  /** Index into the list of segments. */
  at: number;
  position: number;
}

interface RecordPlace extends Place {
  bytes: number;
}

/**
 * Reads a directory back, or makes its first segment. Rules F1 and F2 are in format.ts; beyond them
 * - F3: the last record is written and synced again before it counts. The process that wrote it may have died before its
 *   sync, or its sync failed and the kernel forgot that the pages were dirty: only a new write makes sure.
 * - F4: what is cut is overwritten with zeros, durably, so that it cannot come back behind later records.
 */
export async function recoverLog(disk: Disk, directory: string, segmentBytes: number): Promise<RecoveredLog> {
  await disk.makeDirectory(directory);
  const names = await disk.list(directory);
  for (const name of names.filter((one) => one.endsWith('.wal.tmp'))) await disk.remove(join(directory, name));
  const numbers = names.map(segmentNumberOf).filter((number) => number !== undefined);
  if (numbers.length === 0) return createLog(disk, directory, segmentBytes);
  // A rename seen here may be known to the kernel only.
  await disk.syncDirectory(directory);
  const segments: Segment[] = [];
  try {
    await openAll(
      disk,
      directory,
      numbers.sort((a, b) => a - b),
      segments,
    );
    return await readAll(segments, segmentBytes);
  } catch (error) {
    for (const segment of segments) await segment.file.close();
    throw error;
  }
}

async function createLog(disk: Disk, directory: string, segmentBytes: number): Promise<RecoveredLog> {
  const memberId = randomBytes(16).toString('hex');
  const current = await createSegment(disk, directory, { number: 1, bytes: segmentBytes, memberId });
  return {
    memberId,
    image: new LogImage(),
    created: true,
    truncatedTailBytes: 0,
    olderSegments: [],
    current,
    next: undefined,
    position: FIRST_RECORD_POSITION,
    nextSequence: 1,
  };
}

async function openAll(disk: Disk, directory: string, numbers: number[], segments: Segment[]): Promise<void> {
  for (const number of numbers) {
    const path = join(directory, segmentName(number));
    const previous = segments.at(-1);
    if (previous && previous.header.number + 1 !== number) {
      throw new WalCorruptionError(path, 0, `segment ${previous.header.number + 1} is missing before it`);
    }
    const segment = await openSegment(disk, path, number);
    segments.push(segment);
    if (previous && previous.header.memberId !== segment.header.memberId) {
      throw new WalCorruptionError(path, 32, `it belongs to another member (${segment.header.memberId})`);
    }
  }
}

async function readAll(segments: Segment[], segmentBytes: number): Promise<RecoveredLog> {
  const image = new LogImage();
  const { last, end, sequence } = await readRecords(segments, image);
  await refuseLaterRecords(segments, end, sequence + 1);
  const current = segments[end.at] as Segment;
  attempt(current, end.position, () => image.liveEntries());
  const truncatedTailBytes = await cutTail(segments, end);
  if (last) await rewrite(segments[last.at] as Segment, last);
  const next = segments[end.at + 1];
  const usableNext = next && next.header.bytes >= segmentBytes ? next : undefined;
  for (const segment of segments) if (segment !== current && segment !== usableNext) await segment.file.close();
  return {
    memberId: current.header.memberId,
    image,
    created: false,
    truncatedTailBytes,
    olderSegments: segments.slice(0, end.at).map((segment) => segment.header.number),
    current,
    next: usableNext,
    position: end.position,
    nextSequence: sequence + 1,
  };
}

/** Reads records in their order, over all segments, until one is not whole. */
async function readRecords(
  segments: Segment[],
  image: LogImage,
): Promise<{ last: RecordPlace | undefined; end: Place; sequence: number }> {
  const oldest = segments[0] as Segment;
  const readers = segments.map((segment) => new SegmentReader(segment));
  const end: Place = { at: 0, position: FIRST_RECORD_POSITION };
  let last: RecordPlace | undefined;
  let sequence = 0;
  if (oldest.header.number > 1) {
    const first = await (readers[0] as SegmentReader).recordAt(end.position);
    // Older segments are removed only once this one holds a durable record.
    if (!first)
      throw new WalCorruptionError(oldest.path, end.position, 'the first record of the oldest segment is not whole');
    sequence = first.header.sequence - 1;
  }
  for (;;) {
    let record = await (readers[end.at] as SegmentReader).recordAt(end.position);
    if (record?.header.sequence !== sequence + 1) {
      record = await readers[end.at + 1]?.recordAt(FIRST_RECORD_POSITION);
      if (record?.header.sequence !== sequence + 1) return { last, end, sequence };
      end.at++;
      end.position = FIRST_RECORD_POSITION;
    }
    const segment = segments[end.at] as Segment;
    const { payload, header } = record;
    image.segment = segment.header.number;
    attempt(segment, end.position, () => decodeItems(payload, image));
    last = { at: end.at, position: end.position, bytes: recordBytes(header.payloadBytes) };
    end.position += last.bytes;
    sequence++;
  }
}

/** F1: whatever stands behind the damaged place, if it was written later, proves that the place was durable once. */
async function refuseLaterRecords(segments: Segment[], end: Place, damagedSequence: number): Promise<void> {
  for (const [at, segment] of segments.entries()) {
    if (at < end.at) continue;
    const from = at === end.at ? end.position : FIRST_RECORD_POSITION;
    const position = await new SegmentReader(segment).findRecordAfter(damagedSequence, from);
    if (position === undefined) continue;
    const damaged = await damagedPlace(segments, end);
    const reason = `record ${damagedSequence} is not readable, but a later one stands at byte ${position} of ${segment.path}`;
    throw new WalCorruptionError((segments[damaged.at] as Segment).path, damaged.position, reason);
  }
}

/** Where nothing was written behind the last record of a segment, the damaged one is the first of the next. */
async function damagedPlace(segments: Segment[], end: Place): Promise<Place> {
  const rest = await new SegmentReader(segments[end.at] as Segment).endOfData(end.position);
  const rolledOver = rest === end.position && end.at + 1 < segments.length;
  return rolledOver ? { at: end.at + 1, position: FIRST_RECORD_POSITION } : end;
}

/** F4. @returns how many bytes were cut */
async function cutTail(segments: Segment[], end: Place): Promise<number> {
  let cut = 0;
  for (const [at, segment] of segments.entries()) {
    if (at < end.at) continue;
    const from = at === end.at ? end.position : FIRST_RECORD_POSITION;
    const to = await new SegmentReader(segment).endOfData(from);
    if (to === from) continue;
    await writeZeros(segment.file, from, to);
    await segment.file.sync();
    cut += to - from;
  }
  return cut;
}

/** F3. */
async function rewrite(segment: Segment, place: RecordPlace): Promise<void> {
  const bytes = await readFully(segment.file, segment.path, place.position, place.bytes);
  await segment.file.write(bytes, place.position);
  await segment.file.sync();
}

function attempt(segment: Segment, position: number, read: () => void): void {
  try {
    read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WalCorruptionError(segment.path, position, reason);
  }
}
