/**
 * The bytes of a segment file; docs/wal-format.md describes them for readers without this code.
 *
 * A segment is one header block and then records, each at a multiple of eight bytes. All numbers are little-endian.
 * A record is everything one flush made durable. Records are numbered without gaps over the whole log, and record n+1
 * is written only after record n is durable (F1). So a damaged record with a later one behind it was acknowledged and is
 * corruption; a damaged record with nothing behind it is the torn tail of a write that nobody was told about.
 * Every checksum is seeded with that of its segment's header, which holds the random member id: bytes of another
 * segment, or a user's bytes that look like a record, are never taken for one (F2).
 */
import { crc32c } from './crc32c.js';

export const FORMAT_VERSION = 1;
/** The header has a block of its own, so that no later write touches its sectors. */
export const SEGMENT_HEADER_BYTES = 4096;
export const RECORD_HEADER_BYTES = 32;
export const RECORD_ALIGNMENT_BYTES = 8;
/** One record is one buffer in memory. */
export const RECORD_PAYLOAD_BYTES_MAX = 1 << 30;

const SEGMENT_MAGIC = new TextEncoder().encode('RAFTWAL\0');
const SEGMENT_HEADER_USED_BYTES = 52;
const RECORD_MAGIC = 0x44524352;
const TWO_TO_32 = 0x1_0000_0000;
const MEMBER_ID_BYTES = 16;

export interface SegmentHeader {
  version: number;
  /** Counts from 1, without gaps; also in the file's name. */
  number: number;
  /** Size of the file. */
  bytes: number;
  /** 32 hexadecimal digits. */
  memberId: string;
  /** Seed of the checksums of this segment's records. */
  salt: number;
}

export interface RecordHeader {
  payloadBytes: number;
  /** Counts from 1 over the whole log. */
  sequence: number;
  /** Byte position of the record in its file. */
  position: number;
  payloadChecksum: number;
}

export function segmentName(number: number): string {
  return `${String(number).padStart(16, '0')}.wal`;
}

/** @returns the segment's number, or undefined if the name is no segment's */
export function segmentNumberOf(name: string): number | undefined {
  const match = /^(\d{16})\.wal$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

export function encodeSegmentHeader(header: Pick<SegmentHeader, 'number' | 'bytes' | 'memberId'>): Uint8Array {
  const block = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(block.buffer);
  block.set(SEGMENT_MAGIC, 0);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, SEGMENT_HEADER_BYTES, true);
  writeInteger(view, 16, header.number);
  writeInteger(view, 24, header.bytes);
  block.set(Buffer.from(header.memberId, 'hex'), 32);
  view.setUint32(48, crc32c(block, 0, 48), true);
  return block;
}

/** @returns the header, or what is wrong with it */
export function decodeSegmentHeader(block: Uint8Array): SegmentHeader | string {
  if (block.length < SEGMENT_HEADER_USED_BYTES) return 'the file ends inside its header';
  if (SEGMENT_MAGIC.some((byte, at) => block[at] !== byte)) return 'it does not begin like a segment';
  const view = viewOf(block);
  const salt = view.getUint32(48, true);
  if (crc32c(block, 0, 48) !== salt) return 'the checksum of the segment header does not match';
  return {
    version: view.getUint32(8, true),
    number: readInteger(view, 16),
    bytes: readInteger(view, 24),
    memberId: Buffer.from(block.subarray(32, 32 + MEMBER_ID_BYTES)).toString('hex'),
    salt,
  };
}

/** Fills in the header of the record whose payload stands at `start + RECORD_HEADER_BYTES` already. */
export function sealRecord(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  record: Pick<RecordHeader, 'payloadBytes' | 'sequence' | 'position'>,
  salt: number,
): void {
  const payload = start + RECORD_HEADER_BYTES;
  view.setUint32(start, RECORD_MAGIC, true);
  view.setUint32(start + 4, record.payloadBytes, true);
  writeInteger(view, start + 8, record.sequence);
  writeInteger(view, start + 16, record.position);
  view.setUint32(start + 24, crc32c(bytes, payload, payload + record.payloadBytes, salt), true);
  view.setUint32(start + 28, crc32c(bytes, start, start + 28, salt), true);
}

/** @returns the header at `at`, or undefined unless it is whole and was written for this very place */
export function decodeRecordHeader(
  view: DataView,
  at: number,
  position: number,
  salt: number,
): RecordHeader | undefined {
  if (view.getUint32(at, true) !== RECORD_MAGIC) return undefined;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, 28);
  if (crc32c(bytes, 0, 28, salt) !== view.getUint32(at + 28, true)) return undefined;
  if (readInteger(view, at + 16) !== position) return undefined;
  return {
    payloadBytes: view.getUint32(at + 4, true),
    sequence: readInteger(view, at + 8),
    position,
    payloadChecksum: view.getUint32(at + 24, true),
  };
}

/** Bytes a record takes in the file. */
export function recordBytes(payloadBytes: number): number {
  return alignUp(RECORD_HEADER_BYTES + payloadBytes);
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / RECORD_ALIGNMENT_BYTES) * RECORD_ALIGNMENT_BYTES;
}

/** Writes a safe integer as 64 bits. */
export function writeInteger(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % TWO_TO_32, true);
  view.setUint32(at + 4, value / TWO_TO_32, true);
}

export function readInteger(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_TO_32;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
