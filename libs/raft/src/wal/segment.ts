import { join } from 'node:path';
import type { Disk, DiskFile } from './disk.js';
import { WalCorruptionError, WalVersionError } from './errors.js';
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  FORMAT_VERSION,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from './format.js';

const ZEROS_BYTES = 1 << 20;

/** An open segment file. */
export interface Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly file: DiskFile;
}

/**
 * Makes a segment, filled with zeros so that later writes change no metadata. It gets its name only when all of it is
 * durable: a segment with a name is whole.
 */
export async function createSegment(
  disk: Disk,
  directory: string,
  header: Pick<SegmentHeader, 'number' | 'bytes' | 'memberId'>,
): Promise<Segment> {
  const path = join(directory, segmentName(header.number));
  const temporary = `${path}.tmp`;
  const block = encodeSegmentHeader(header);
  const file = await disk.open(temporary, 'create');
  try {
    await file.write(block, 0);
    await writeZeros(file, SEGMENT_HEADER_BYTES, header.bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, path);
  await disk.syncDirectory(directory);
  return openSegment(disk, path, header.number);
}

/** Opens a segment and checks its header. */
export async function openSegment(disk: Disk, path: string, number: number): Promise<Segment> {
  const file = await disk.open(path, 'existing');
  try {
    return { path, file, header: await readHeader(file, path, number) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(file: DiskFile, path: string, number: number): Promise<SegmentHeader> {
  const header = decodeSegmentHeader(await readFully(file, path, 0, SEGMENT_HEADER_BYTES));
  if (typeof header === 'string') throw new WalCorruptionError(path, 0, header);
  if (header.version !== FORMAT_VERSION) throw new WalVersionError(path, header.version);
  if (header.number !== number) throw new WalCorruptionError(path, 16, `it is segment ${header.number} by its header`);
  const bytes = await file.size();
  if (bytes < header.bytes)
    throw new WalCorruptionError(path, bytes, `the file ends here, ${header.bytes} bytes are due`);
  return header;
}

/** Reads `[position, position + length)`, less at the end of the file; a failing disk is reported with its place. */
export async function readFully(file: DiskFile, path: string, position: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    let count: number;
    try {
      count = await file.read(bytes.subarray(done), position + done);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new WalCorruptionError(path, position + done, `the disk cannot read it (${reason})`);
    }
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** Fills `[from, to)` with zeros; not durable until the file is synced. */
export async function writeZeros(file: DiskFile, from: number, to: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(ZEROS_BYTES, to - from));
  for (let at = from; at < to; at += zeros.length) await file.write(zeros.subarray(0, to - at), at);
}
