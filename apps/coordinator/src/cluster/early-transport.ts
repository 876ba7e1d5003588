import type { Message, SnapshotSink, SnapshotSource, Transport, TransportReceiver } from '@concordat/raft';

/**
 * A transport that listens before there is a Raft node: a replica with a new log has to be asked who it is before it
 * can know what to begin as. Raft messages that come early are dropped, as Raft allows.
 */
export class EarlyTransport implements Transport, TransportReceiver {
  #receiver: TransportReceiver | undefined;

  constructor(private readonly inner: Transport) {}

  async listen(): Promise<void> {
    await this.inner.start(this);
  }

  async start(receiver: TransportReceiver): Promise<void> {
    this.#receiver = receiver;
  }

  receive(messages: readonly Message[]): void {
    this.#receiver?.receive(messages);
  }

  unreachable(peer: number): void {
    this.#receiver?.unreachable(peer);
  }

  disconnected(peer: number): void {
    this.#receiver?.disconnected(peer);
  }

  openSnapshotSink(message: Message): Promise<SnapshotSink> {
    if (!this.#receiver) return Promise.reject(new Error('this replica is still starting'));
    return this.#receiver.openSnapshotSink(message);
  }

  setPeer(id: number, address: string): void {
    this.inner.setPeer(id, address);
  }

  removePeer(id: number): void {
    this.inner.removePeer(id);
  }

  send(messages: readonly Message[]): void {
    this.inner.send(messages);
  }

  sendSnapshot(message: Message, source: SnapshotSource): Promise<void> {
    return this.inner.sendSnapshot(message, source);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
