import { type ChannelCredentials, type Client, type ClientWritableStream, Metadata } from '@grpc/grpc-js';
import type { Message } from '../core/messages.js';
import { BATCH_PREFIX_BYTES, finishBatch, grpcOptions, RaftClient, raftService } from './grpc-service.js';
import { sendSnapshotOnce } from './grpc-snapshot.js';
import { encodeMessages } from './message-codec.js';
import { Outbox } from './outbox.js';
import type { Peer } from './peers.js';
import type { SnapshotSource } from './transport.js';

/** After a broken stream none is opened for this long. */
const REOPEN_AFTER_MS = 50;

/** The way to one peer: a channel, and one long-lived stream on it. */
export class GrpcPeer implements Peer {
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #outbox = new Outbox(() => this.#flush());
  #stream: ClientWritableStream<Uint8Array> | undefined;
  #blocked = false;
  #reopenAt = 0;
  #closed = false;

  constructor(
    from: number,
    to: number,
    readonly address: string,
    credentials: ChannelCredentials,
    private readonly unreachable: () => void,
  ) {
    this.#client = new RaftClient(address, credentials, grpcOptions);
    this.#metadata.set('raft-from', String(from));
    this.#metadata.set('raft-to', String(to));
  }

  /** Sent at the end of this turn of the event loop, with whatever else is sent until then; see Outbox for what is not. */
  send(message: Message): void {
    if (!this.#outbox.add(message)) this.unreachable();
  }

  /** Over a stream of its own. */
  sendSnapshot(message: Message, source: SnapshotSource): Promise<void> {
    const { path, requestSerialize, responseDeserialize } = raftService.installSnapshot;
    const stream = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, this.#metadata, {});
    return sendSnapshotOnce(stream, message, source);
  }

  close(): void {
    this.#closed = true;
    this.#outbox.clear();
    this.#stream?.cancel();
    this.#client.close();
  }

  #flush(): void {
    while (!this.#outbox.isEmpty && !this.#blocked && !this.#closed) {
      const stream = this.#stream ?? this.#open();
      if (!stream) {
        this.#outbox.clear();
        this.unreachable();
        return;
      }
      const open = stream.write(finishBatch(encodeMessages(this.#outbox.take(), BATCH_PREFIX_BYTES)));
      if (!open) this.#blocked = true;
    }
  }

  #open(): ClientWritableStream<Uint8Array> | undefined {
    if (performance.now() < this.#reopenAt) return undefined;
    const { path, requestSerialize, responseDeserialize } = raftService.deliver;
    const ended = () => this.#lose(stream);
    const stream = this.#client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.#metadata,
      {},
      ended,
    );
    stream.on('drain', () => {
      this.#blocked = false;
      this.#flush();
    });
    stream.on('error', ended);
    this.#stream = stream;
    return stream;
  }

  /** The stream ended, for whatever reason; what was on its way may be lost. */
  #lose(stream: ClientWritableStream<Uint8Array>): void {
    if (this.#stream !== stream || this.#closed) return;
    this.#stream = undefined;
    this.#blocked = false;
    this.#outbox.clear();
    this.#reopenAt = performance.now() + REOPEN_AFTER_MS;
    this.unreachable();
  }
}
