import type { Message } from '../core/messages.js';
import type { SnapshotSource } from './transport.js';

/** Attempts at one snapshot; each goes on where the last one stopped. */
const SNAPSHOT_ATTEMPTS_MAX = 5;
const SNAPSHOT_RETRY_AFTER_MS = 200;

/** The way to one peer. */
export interface Peer {
  readonly address: string;
  send(message: Message): void;
  /** One attempt; goes on where the last one stopped. */
  sendSnapshot(message: Message, source: SnapshotSource): Promise<void>;
  close(): void;
}

/** The peers of one member by their ids, whatever they are reached over. */
export class Peers {
  readonly #byId = new Map<number, Peer>();
  #closed = false;

  /**
   * @param ownId which is none of them
   * @param addresses of those known from the beginning, by id
   * @param open makes the way to a peer; called at once for those
   */
  constructor(
    private readonly ownId: number,
    addresses: Readonly<Record<number, string>>,
    private readonly open: (id: number, address: string) => Peer,
  ) {
    for (const [id, address] of Object.entries(addresses)) this.set(Number(id), address);
  }

  set(id: number, address: string): void {
    if (id === this.ownId || this.#byId.get(id)?.address === address) return;
    this.remove(id);
    this.#byId.set(id, this.open(id, address));
  }

  remove(id: number): void {
    this.#byId.get(id)?.close();
    this.#byId.delete(id);
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) this.#byId.get(message.to)?.send(message);
  }

  async sendSnapshot(message: Message, source: SnapshotSource): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const peer = this.#byId.get(message.to);
      if (!peer) throw new Error(`the address of member ${message.to} is not known`);
      try {
        return await peer.sendSnapshot(message, source);
      } catch (error) {
        if (attempt === SNAPSHOT_ATTEMPTS_MAX || this.#closed) throw error;
        await new Promise((resolve) => setTimeout(resolve, SNAPSHOT_RETRY_AFTER_MS * attempt));
      }
    }
  }

  close(): void {
    this.#closed = true;
    for (const id of [...this.#byId.keys()]) this.remove(id);
  }
}
