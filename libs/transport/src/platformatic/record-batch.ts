/**
 * Kafka's record batches (format 2), written and read straight from buffers: this is where most of the CPU of a message
 * would otherwise go. Owns the byte layout; knows nothing of requests or connections.
 */
import { compressionsAlgorithmsByBitmask, crc32c } from '@platformatic/kafka';
import type { IncomingMessage, OutgoingMessage } from '../transport.js';
import { ByteReader } from './byte-reader.js';

/** Who wrote a batch, so that the broker recognises one that is sent again. */
export interface ProducerIdentity {
  id: bigint;
  epoch: number;
}

const headerBytes = 61;
const offsetAndLengthBytes = 12;
const crcStart = 21;
const compressionMask = 0b111;
const controlFlag = 1 << 5;
/** More than the lengths, deltas and counts of one record, or of one header, can take. */
const recordOverheadBytes = 40;

/** Encodes the messages of one partition. `sequence` counts the producer's records in that partition. */
export function encodeRecordBatch(
  messages: readonly OutgoingMessage[],
  producer: ProducerIdentity,
  sequence: number,
  nowMs: number,
): Buffer {
  let bound = headerBytes;
  for (const message of messages) bound += sizeBound(message);
  const buffer = Buffer.allocUnsafe(bound);
  let at = headerBytes;
  for (let index = 0; index < messages.length; index += 1) {
    at = writeRecord(buffer, at, messages[index] as OutgoingMessage, index);
  }
  const timestamp = BigInt(nowMs);
  buffer.writeBigInt64BE(0n, 0);
  buffer.writeInt32BE(at - offsetAndLengthBytes, 8);
  buffer.writeInt32BE(-1, 12);
  buffer.writeInt8(2, 16);
  buffer.writeInt16BE(0, 21);
  buffer.writeInt32BE(messages.length - 1, 23);
  buffer.writeBigInt64BE(timestamp, 27);
  buffer.writeBigInt64BE(timestamp, 35);
  buffer.writeBigInt64BE(producer.id, 43);
  buffer.writeInt16BE(producer.epoch, 51);
  buffer.writeInt32BE(sequence, 53);
  buffer.writeInt32BE(messages.length, 57);
  buffer.writeUInt32BE(crc32c(buffer.subarray(crcStart, at)), 17);
  return buffer.subarray(0, at);
}

function sizeBound(message: OutgoingMessage): number {
  let bytes = recordOverheadBytes + Buffer.byteLength(message.key) + Buffer.byteLength(message.value);
  if (!message.headers) return bytes;
  for (const name in message.headers) {
    bytes += recordOverheadBytes + Buffer.byteLength(name) + Buffer.byteLength(message.headers[name] as string);
  }
  return bytes;
}

/** The record's length comes first and is known last: the body is written one byte further, and moved if need be. */
function writeRecord(buffer: Buffer, start: number, message: OutgoingMessage, offsetDelta: number): number {
  const { key, value, headers } = message;
  const keyBytes = Buffer.byteLength(key);
  const valueBytes = Buffer.byteLength(value);
  const bodyStart = start + 2;
  let at = bodyStart;
  buffer[at++] = 0;
  buffer[at++] = 0;
  at = writeVarint(buffer, at, offsetDelta);
  at = writeVarint(buffer, at, keyBytes);
  at += buffer.write(key, at, 'utf8');
  at = writeVarint(buffer, at, valueBytes);
  at += buffer.write(value, at, 'utf8');
  at = headers ? writeHeaders(buffer, at, headers) : writeVarint(buffer, at, 0);
  const length = at - bodyStart;
  const lengthBytes = length < 64 ? 1 : length < 8192 ? 2 : length < 1048576 ? 3 : 4;
  if (lengthBytes !== 2) buffer.copyWithin(start + lengthBytes, bodyStart, at);
  writeVarint(buffer, start, length);
  return start + lengthBytes + length;
}

function writeHeaders(buffer: Buffer, start: number, headers: Record<string, string>): number {
  const names = Object.keys(headers);
  let at = writeVarint(buffer, start, names.length);
  for (const name of names) {
    const value = headers[name] as string;
    at = writeVarint(buffer, at, Buffer.byteLength(name));
    at += buffer.write(name, at, 'utf8');
    at = writeVarint(buffer, at, Buffer.byteLength(value));
    at += buffer.write(value, at, 'utf8');
  }
  return at;
}

/** Writes a non-negative number in zigzag form. */
function writeVarint(buffer: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value * 2;
  while (rest > 0x7f) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}

/** What was read from the records of one partition. */
export interface DecodedRecords {
  /** The offset to read from next. */
  nextOffset: number;
  messages: IncomingMessage[];
  /** Batches that could not be read; they are passed over, as garbage must not stop a consumer. */
  errors: unknown[];
}

/** Decodes what a fetch returned: whole batches, the last of which may be cut off. Offsets below `from` are left out. */
export function decodeRecordBatches(records: Buffer, topic: string, partition: number, from: number): DecodedRecords {
  const decoded: DecodedRecords = { nextOffset: from, messages: [], errors: [] };
  const reader = new ByteReader(records);
  while (reader.remaining >= headerBytes) {
    const start = reader.position;
    const baseOffset = reader.int64();
    const end = start + offsetAndLengthBytes + reader.int32();
    if (end > records.length) break;
    try {
      reader.position = start;
      readBatch(reader, end, { topic, partition, from, messages: decoded.messages });
    } catch (error) {
      decoded.errors.push(error);
    }
    decoded.nextOffset = Math.max(decoded.nextOffset, baseOffset + records.readInt32BE(start + 23) + 1);
    reader.position = end;
  }
  return decoded;
}

interface BatchContext {
  topic: string;
  partition: number;
  from: number;
  messages: IncomingMessage[];
}

function readBatch(reader: ByteReader, end: number, context: BatchContext): void {
  const start = reader.position;
  const { buffer } = reader;
  const baseOffset = reader.int64();
  const magic = buffer.readInt8(start + 16);
  if (magic !== 2) throw new Error(`A record batch of format ${magic} at offset ${baseOffset} cannot be read.`);
  const attributes = buffer.readInt16BE(start + 21);
  if (attributes & controlFlag) return;
  reader.position = start + 27;
  const baseTimestampMs = reader.int64();
  const count = buffer.readInt32BE(start + 57);
  const compression = attributes & compressionMask;
  const body = compression ? decompress(buffer.subarray(start + headerBytes, end), compression) : buffer;
  const records = compression ? new ByteReader(body) : reader;
  records.position = compression ? 0 : start + headerBytes;
  for (let index = 0; index < count; index += 1) readRecord(records, baseOffset, baseTimestampMs, context);
}

function decompress(bytes: Buffer, compression: number): Buffer {
  const algorithm = compressionsAlgorithmsByBitmask[compression as keyof typeof compressionsAlgorithmsByBitmask];
  if (!algorithm) throw new Error(`Compression ${compression} is not known.`);
  return algorithm.decompressSync(bytes) as Buffer;
}

function readRecord(reader: ByteReader, baseOffset: number, baseTimestampMs: number, context: BatchContext): void {
  const length = reader.varint();
  const end = reader.position + length;
  if (length < 0 || end > reader.buffer.length) throw new RangeError(`A record has a length of ${length}.`);
  reader.position += 1;
  const timestampMs = baseTimestampMs + reader.varint();
  const offset = baseOffset + reader.varint();
  if (offset < context.from) {
    reader.position = end;
    return;
  }
  const key = reader.text(reader.varint());
  const value = reader.bytes(reader.varint());
  const headers = readHeaders(reader);
  if (reader.position !== end) throw new RangeError(`The record at offset ${offset} is not as long as it says.`);
  const { topic, partition } = context;
  context.messages.push({ topic, partition, offset: String(offset), key, value, headers, timestampMs });
}

/** Built from entries, so that no name, `__proto__` included, means anything but itself. */
function readHeaders(reader: ByteReader): Record<string, string> {
  const count = reader.varint();
  if (count <= 0) return {};
  const entries: Array<[string, string]> = [];
  while (entries.length < count) entries.push([reader.text(reader.varint()), reader.text(reader.varint())]);
  return Object.fromEntries(entries);
}
