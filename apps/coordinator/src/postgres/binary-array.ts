/**
 * Arrays as Postgres takes them in binary form. One array per column lets a whole batch travel as a few parameters,
 * and no value is quoted, escaped or parsed again on either side.
 *
 * Form: int32 dimensions, int32 has-nulls, int32 element type; int32 length, int32 lower bound; then per element an
 * int32 byte length (-1 for null) and the bytes.
 */
const HEADER_BYTES = 20;
const NULL_LENGTH = -1;

/** Type numbers that never change between Postgres versions. */
const OID = { bool: 16, int8: 20, text: 25, json: 114, timestamptz: 1184 } as const;

/** Unix ms of 2000-01-01, where Postgres counts its microseconds from. */
const POSTGRES_EPOCH_MS = 946_684_800_000;

function writeHeader(buffer: Buffer, oid: number, length: number): void {
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(1, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
}

function writeInt64(buffer: Buffer, value: number, offset: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  buffer.writeInt32BE(high, offset);
  buffer.writeUInt32BE(value - high * 0x1_0000_0000, offset + 4);
}

function encodeInt64Array(oid: number, values: readonly (number | null)[], toInt64: (value: number) => number): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 12);
  writeHeader(buffer, oid, values.length);
  let offset = HEADER_BYTES;
  for (const value of values) {
    if (value === null) {
      offset = buffer.writeInt32BE(NULL_LENGTH, offset);
    } else {
      offset = buffer.writeInt32BE(8, offset);
      writeInt64(buffer, toInt64(value), offset);
      offset += 8;
    }
  }
  return buffer.subarray(0, offset);
}

/** `bigint[]` from safe integers. */
export const int8Array = (values: readonly (number | null)[]): Buffer =>
  encodeInt64Array(OID.int8, values, (value) => value);

/** `timestamptz[]` from Unix ms. */
export const timestamptzArray = (values: readonly (number | null)[]): Buffer =>
  encodeInt64Array(OID.timestamptz, values, (ms) => Math.round((ms - POSTGRES_EPOCH_MS) * 1000));

/** `boolean[]`. */
export function boolArray(values: readonly boolean[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 5);
  writeHeader(buffer, OID.bool, values.length);
  let offset = HEADER_BYTES;
  for (const value of values) {
    offset = buffer.writeInt32BE(1, offset);
    offset = buffer.writeUInt8(value ? 1 : 0, offset);
  }
  return buffer;
}

function encodeTextArray(oid: number, values: readonly (string | null)[]): Buffer {
  // UTF-8 needs at most three bytes per UTF-16 unit, so one allocation is always enough.
  let units = 0;
  for (const value of values) units += value === null ? 0 : value.length;
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 4 + units * 3);
  writeHeader(buffer, oid, values.length);
  let offset = HEADER_BYTES;
  for (const value of values) {
    if (value === null) {
      offset = buffer.writeInt32BE(NULL_LENGTH, offset);
    } else {
      const bytes = buffer.write(value, offset + 4, 'utf8');
      buffer.writeInt32BE(bytes, offset);
      offset += 4 + bytes;
    }
  }
  return buffer.subarray(0, offset);
}

/** `text[]`. Postgres text cannot hold U+0000; it is stored as U+FFFD so that no text can make a batch impossible. */
export const textArray = (values: readonly (string | null)[]): Buffer =>
  encodeTextArray(
    OID.text,
    values.map((value) => (value?.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value)),
  );

/** `json[]` from JSON texts. */
export const jsonArray = (texts: readonly (string | null)[]): Buffer => encodeTextArray(OID.json, texts);
