/**
 * Frames on a socket: payload length (4 bytes, little-endian), kind (1 byte), payload. A connection begins with a Hello,
 * which says who calls whom, and for what.
 */
export const FrameKind = { Hello: 1, Messages: 2, Snapshot: 3, Progress: 4, Chunk: 5, End: 6, Finished: 7 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export const FRAME_HEADER_BYTES = 5;
/** A longer frame is taken for garbage. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

const HELLO_MAGIC = 'raft-tcp/1';

export interface Hello {
  readonly from: number;
  readonly to: number;
}

export function encodeFrame(kind: FrameKind, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return sealFrame(kind, frame);
}

/** Fills in the header of a frame whose payload stands behind FRAME_HEADER_BYTES of room. */
export function sealFrame(kind: FrameKind, frame: Uint8Array): Uint8Array {
  const length = frame.length - FRAME_HEADER_BYTES;
  frame[0] = length & 0xff;
  frame[1] = (length >>> 8) & 0xff;
  frame[2] = (length >>> 16) & 0xff;
  frame[3] = length >>> 24;
  frame[4] = kind;
  return frame;
}

export function encodeHello({ from, to }: Hello): Uint8Array {
  return encodeFrame(FrameKind.Hello, Buffer.from(`${HELLO_MAGIC} ${from} ${to}`));
}

/** @throws Error if the other side speaks something else */
export function decodeHello(payload: Uint8Array): Hello {
  const [magic, from, to] = Buffer.from(payload).toString('latin1').split(' ');
  if (magic !== HELLO_MAGIC) throw new Error('the peer does not speak this transport');
  return { from: Number(from), to: Number(to) };
}

/** Cuts a stream of bytes into frames. Payloads are views of what came in, copied only where a frame came in pieces. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #needed = FRAME_HEADER_BYTES;

  constructor(private readonly take: (kind: FrameKind, payload: Uint8Array) => void) {}

  /** @throws Error for a frame that is too long, and whatever `take` throws */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return;
    const all = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    let at = 0;
    this.#needed = FRAME_HEADER_BYTES;
    while (all.length - at >= FRAME_HEADER_BYTES) {
      const length = all.readUInt32LE(at);
      if (length > FRAME_BYTES_MAX) throw new Error(`a frame of ${length} bytes`);
      const end = at + FRAME_HEADER_BYTES + length;
      if (end > all.length) {
        this.#needed = FRAME_HEADER_BYTES + length;
        break;
      }
      this.take(all[at + 4] as FrameKind, all.subarray(at + FRAME_HEADER_BYTES, end));
      at = end;
    }
    this.#chunks = at < all.length ? [all.subarray(at)] : [];
    this.#bytes = all.length - at;
  }
}
