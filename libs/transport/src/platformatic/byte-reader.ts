const noBytes = Buffer.alloc(0);

/** Reads Kafka's primitive types from a buffer, one after the other. 64-bit integers are read as numbers below 2^53. */
export class ByteReader {
  position = 0;

  constructor(readonly buffer: Buffer) {}

  get remaining(): number {
    return this.buffer.length - this.position;
  }

  int16(): number {
    const value = this.buffer.readInt16BE(this.position);
    this.position += 2;
    return value;
  }

  int32(): number {
    const value = this.buffer.readInt32BE(this.position);
    this.position += 4;
    return value;
  }

  int64(): number {
    const high = this.buffer.readInt32BE(this.position);
    const low = this.buffer.readUInt32BE(this.position + 4);
    this.position += 8;
    return high * 0x1_0000_0000 + low;
  }

  /** An unsigned integer of variable length. */
  uvarint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.buffer[this.position++];
      if (byte === undefined) throw new RangeError('The buffer ends within a number.');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  /** A signed integer of variable length, in zigzag form. */
  varint(): number {
    const raw = this.uvarint();
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  /** That many bytes, as a view; none for a negative length, which stands for null. */
  bytes(length: number): Buffer {
    if (length <= 0) return noBytes;
    const start = this.position;
    this.position += length;
    if (this.position > this.buffer.length) throw new RangeError('The buffer ends within a value.');
    return this.buffer.subarray(start, this.position);
  }

  text(length: number): string {
    if (length <= 0) return '';
    const start = this.position;
    this.position += length;
    if (this.position > this.buffer.length) throw new RangeError('The buffer ends within a text.');
    return this.buffer.toString('utf8', start, this.position);
  }

  /** A text with its length before it, in the compact form. */
  compactText(): string {
    return this.text(this.uvarint() - 1);
  }

  /** The number of elements of an array in the compact form; 0 for null. */
  compactCount(): number {
    return Math.max(0, this.uvarint() - 1);
  }

  /** Passes over the tagged fields at the end of a structure. */
  skipTags(): void {
    for (let count = this.uvarint(); count > 0; count -= 1) {
      this.uvarint();
      this.position += this.uvarint();
    }
  }
}
