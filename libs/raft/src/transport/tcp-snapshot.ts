import type { Socket } from 'node:net';
import { type Message, MessageType } from '../core/messages.js';
import { decodeMessages, encodeMessages } from './message-codec.js';
import { encodeFrame, FrameKind, FrameReader } from './tcp-frames.js';
import { SNAPSHOT_CHUNK_BYTES, type SnapshotSink, type SnapshotSource, type TransportReceiver } from './transport.js';

/** One attempt: asks how far the peer is, sends the rest, waits until it has taken all of it. */
export async function sendSnapshotOnce(socket: Socket, message: Message, source: SnapshotSource): Promise<void> {
  const answers = new Answers(socket);
  try {
    socket.write(encodeFrame(FrameKind.Snapshot, encodeMessages([message])));
    let position = decodePosition(await answers.next(FrameKind.Progress));
    while (position < source.totalBytes) {
      const chunk = new Uint8Array(SNAPSHOT_CHUNK_BYTES);
      const count = await source.read(position, chunk);
      if (count === 0) throw new Error('the snapshot ends early');
      if (!socket.write(encodeFrame(FrameKind.Chunk, chunk.subarray(0, count)))) await answers.drained();
      position += count;
    }
    socket.write(encodeFrame(FrameKind.End));
    await answers.next(FrameKind.Finished);
  } finally {
    socket.destroy();
  }
}

/** The other side of it: takes the frames of one connection, one after another. */
export class SnapshotReceiver {
  #sink: SnapshotSink | undefined;
  #work: Promise<void> = Promise.resolve();
  #broken = false;

  constructor(
    private readonly socket: Socket,
    private readonly receiver: TransportReceiver,
  ) {
    socket.on('close', () => this.#then(() => this.#abandon()));
  }

  take(kind: FrameKind, payload: Uint8Array): void {
    // No more is read from the socket than is written to the disk.
    this.socket.pause();
    this.#then(async () => {
      if (this.#broken) return;
      await this.#handle(kind, payload);
      this.socket.resume();
    });
  }

  #then(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch(async () => {
      this.#broken = true;
      await this.#abandon();
      this.socket.destroy();
    });
  }

  async #handle(kind: FrameKind, payload: Uint8Array): Promise<void> {
    if (kind === FrameKind.Snapshot && !this.#sink) {
      const [message] = decodeMessages(payload);
      if (message?.type !== MessageType.Snap) throw new Error('a snapshot begins with its message');
      this.#sink = await this.receiver.openSnapshotSink(message);
      this.socket.write(encodeFrame(FrameKind.Progress, encodePosition(this.#sink.receivedBytes)));
    } else if (kind === FrameKind.Chunk && this.#sink) {
      await this.#sink.write(payload);
    } else if (kind === FrameKind.End && this.#sink) {
      const sink = this.#sink;
      this.#sink = undefined;
      await sink.finish();
      this.socket.write(encodeFrame(FrameKind.Finished));
    } else throw new Error(`a frame of kind ${kind} at the wrong place`);
  }

  async #abandon(): Promise<void> {
    const sink = this.#sink;
    this.#sink = undefined;
    await sink?.abandon();
  }
}

/** What the peer answers, as promises. */
class Answers {
  #frames: { kind: FrameKind; payload: Uint8Array }[] = [];
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(private readonly socket: Socket) {
    const reader = new FrameReader((kind, payload) => this.#frames.push({ kind, payload }));
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        socket.destroy(error as Error);
      }
      this.#wake();
    });
    socket.on('drain', () => this.#wake());
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the peer closed the connection')));
  }

  async next(expected: FrameKind): Promise<Uint8Array> {
    await this.#until(() => this.#frames.length > 0);
    const { kind, payload } = this.#frames.shift() as { kind: FrameKind; payload: Uint8Array };
    if (kind !== expected) throw new Error(`a frame of kind ${kind}, ${expected} was due`);
    return payload;
  }

  drained(): Promise<void> {
    return this.#until(() => !this.socket.writableNeedDrain);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}

function encodePosition(position: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(position));
  return bytes;
}

function decodePosition(bytes: Uint8Array): number {
  return Number(Buffer.from(bytes).readBigUInt64LE());
}
