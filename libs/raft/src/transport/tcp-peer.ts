import type { Socket } from 'node:net';
import type { Message } from '../core/messages.js';
import { encodeMessages } from './message-codec.js';
import { Outbox } from './outbox.js';
import type { Peer } from './peers.js';
import { encodeHello, FRAME_HEADER_BYTES, FrameKind, type Hello, sealFrame } from './tcp-frames.js';
import { sendSnapshotOnce } from './tcp-snapshot.js';
import type { SnapshotSource } from './transport.js';

/** After a broken connection none is opened for this long. */
const RECONNECT_AFTER_MS = 50;
/** Bytes handed to the socket and not yet taken by the kernel, above which messages wait in the outbox. */
const SOCKET_BYTES_MAX = 4 * 1024 * 1024;

/** The way to one peer: one connection, made when there is something to send. */
export class TcpPeer implements Peer {
  readonly #outbox = new Outbox(() => this.#flush());
  #socket: Socket | undefined;
  #reconnectAt = 0;
  #closed = false;

  /** @param connect opens a connection to the peer's address */
  constructor(
    private readonly hello: Hello,
    readonly address: string,
    private readonly connect: () => Socket,
    private readonly unreachable: () => void,
  ) {}

  /** Sent at the end of this turn of the event loop, with whatever else is sent until then; see Outbox for what is not. */
  send(message: Message): void {
    if (!this.#outbox.add(message)) this.unreachable();
  }

  /** Over a connection of its own. */
  sendSnapshot(message: Message, source: SnapshotSource): Promise<void> {
    const socket = this.connect();
    socket.write(encodeHello(this.hello));
    return sendSnapshotOnce(socket, message, source);
  }

  close(): void {
    this.#closed = true;
    this.#outbox.clear();
    this.#socket?.destroy();
  }

  #flush(): void {
    while (!this.#outbox.isEmpty && !this.#closed) {
      const socket = this.#socket ?? this.#open();
      if (!socket) {
        this.#outbox.clear();
        this.unreachable();
        return;
      }
      if (socket.writableLength > SOCKET_BYTES_MAX) return;
      socket.write(sealFrame(FrameKind.Messages, encodeMessages(this.#outbox.take(), FRAME_HEADER_BYTES)));
    }
  }

  #open(): Socket | undefined {
    if (performance.now() < this.#reconnectAt) return undefined;
    const socket = this.connect();
    socket.write(encodeHello(this.hello));
    socket.on('drain', () => this.#flush());
    socket.on('error', () => this.#lose(socket));
    socket.on('close', () => this.#lose(socket));
    socket.resume();
    this.#socket = socket;
    return socket;
  }

  /** The connection ended, for whatever reason; what was on its way may be lost. */
  #lose(socket: Socket): void {
    socket.destroy();
    if (this.#socket !== socket || this.#closed) return;
    this.#socket = undefined;
    this.#outbox.clear();
    this.#reconnectAt = performance.now() + RECONNECT_AFTER_MS;
    this.unreachable();
  }
}
