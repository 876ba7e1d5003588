import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { crc32c } from './crc32c.js';

describe('crc32c', () => {
  it('gives the published values of RFC 3720, B.4', () => {
    const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(ascending)).toBe(0x46dd794e);
    expect(crc32c(ascending.slice().reverse())).toBe(0x113fdb5c);
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(0))).toBe(0);
  });

  it('agrees with a bit by bit computation for any range and seed', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 70 }),
        fc.nat(9),
        fc.uint8Array({ maxLength: 9 }),
        (bytes, skip, before) => {
          const start = Math.min(skip, bytes.length);
          const seed = crc32c(before);
          expect(crc32c(bytes, start, bytes.length, seed)).toBe(bitByBit([...before, ...bytes.subarray(start)]));
        },
      ),
    );
  });
});

function bitByBit(bytes: number[]): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
