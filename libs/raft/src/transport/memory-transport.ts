import type { Message } from '../core/messages.js';
import { decodeMessages, encodeMessages } from './message-codec.js';
import { SNAPSHOT_CHUNK_BYTES, type SnapshotSource, type Transport, type TransportReceiver } from './transport.js';

/**
 * A network within one process, for tests: the same port and the same bytes as the real one, without sockets. Messages
 * arrive in a later turn of the event loop, in their order, unless `loses` says otherwise.
 */
export class MemoryNetwork {
  /** Whether a message gets lost; nothing does unless told. */
  loses: (from: number, to: number, message: Message) => boolean = () => false;
  /** Called before each chunk of a snapshot; may throw to break the transfer. */
  beforeChunk: (from: number, to: number, position: number) => void = () => undefined;
  readonly #receivers = new Map<number, TransportReceiver>();

  /** The end of one member. */
  transport(id: number): Transport {
    return new MemoryTransport(this, id);
  }

  /** Cuts members off from all others, in both directions. */
  isolate(...ids: number[]): void {
    this.loses = (from, to) => ids.includes(from) !== ids.includes(to);
  }

  heal(): void {
    this.loses = () => false;
  }

  attach(id: number, receiver: TransportReceiver): void {
    this.#receivers.set(id, receiver);
  }

  detach(id: number): void {
    this.#receivers.delete(id);
    for (const receiver of this.#receivers.values()) setImmediate(() => receiver.disconnected(id));
  }

  receiver(id: number): TransportReceiver | undefined {
    return this.#receivers.get(id);
  }
}

class MemoryTransport implements Transport {
  #own: TransportReceiver | undefined;

  constructor(
    private readonly network: MemoryNetwork,
    private readonly id: number,
  ) {}

  async start(receiver: TransportReceiver): Promise<void> {
    this.#own = receiver;
    this.network.attach(this.id, receiver);
  }

  setPeer(): void {}

  removePeer(): void {}

  send(messages: readonly Message[]): void {
    const byPeer = new Map<number, Message[]>();
    for (const message of messages) {
      if (this.network.loses(this.id, message.to, message)) continue;
      const batch = byPeer.get(message.to);
      if (batch) batch.push(message);
      else byPeer.set(message.to, [message]);
    }
    for (const [to, batch] of byPeer) {
      const bytes = encodeMessages(batch);
      setImmediate(() => {
        const receiver = this.network.receiver(to);
        if (receiver) receiver.receive(decodeMessages(bytes));
        else this.#own?.unreachable(to);
      });
    }
  }

  async sendSnapshot(message: Message, source: SnapshotSource): Promise<void> {
    const { to } = message;
    const receiver = this.network.receiver(to);
    if (!receiver || this.network.loses(this.id, to, message)) throw new Error(`member ${to} is not reachable`);
    const [copy] = decodeMessages(encodeMessages([message])) as [Message];
    const sink = await receiver.openSnapshotSink(copy);
    try {
      const chunk = new Uint8Array(SNAPSHOT_CHUNK_BYTES);
      for (let position = sink.receivedBytes; position < source.totalBytes; ) {
        this.network.beforeChunk(this.id, to, position);
        const count = await source.read(position, chunk);
        if (count === 0) throw new Error('the snapshot ends early');
        await sink.write(chunk.slice(0, count));
        position += count;
      }
    } catch (error) {
      await sink.abandon();
      throw error;
    }
    await sink.finish();
  }

  async close(): Promise<void> {
    if (this.#own && this.network.receiver(this.id) === this.#own) this.network.detach(this.id);
    this.#own = undefined;
  }
}
