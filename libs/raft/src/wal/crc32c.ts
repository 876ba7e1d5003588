/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), eight bytes per step.
 *
 * Eight tables let one step fold eight input bytes without a loop-carried table lookup per byte.
 */
const POLYNOMIAL = 0x82f63b78;
const tables = buildTables();
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/**
 * Checksum of `bytes[start, end)`.
 *
 * @param seed the checksum of what came before; 0 to begin. `crc32c(b, 0, n, crc32c(a))` is the checksum of a ++ b.
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  let crc = ~seed;
  let at = start;
  const wideEnd = end - 7;
  for (; at < wideEnd; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (t7[low & 0xff] as number) ^
      (t6[(low >>> 8) & 0xff] as number) ^
      (t5[(low >>> 16) & 0xff] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[bytes[at + 4] as number] as number) ^
      (t2[bytes[at + 5] as number] as number) ^
      (t1[bytes[at + 6] as number] as number) ^
      (t0[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) crc = (t0[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function buildTables(): Int32Array[] {
  const first = new Int32Array(256);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    first[value] = crc;
  }
  const all = [first];
  for (let table = 1; table < 8; table++) {
    const previous = all[table - 1] as Int32Array;
    all.push(previous.map((crc) => (first[crc & 0xff] as number) ^ (crc >>> 8)));
  }
  return all;
}
