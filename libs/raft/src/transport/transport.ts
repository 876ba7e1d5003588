import type { Message } from '../core/messages.js';

/**
 * Carries messages between members. Raft asks little of it: messages may be lost, late, doubled or out of order, but
 * never altered. A transport never blocks its caller: where a queue is full, messages are dropped.
 */
export interface Transport {
  /** Begins to listen; what arrives goes to `receiver`. */
  start(receiver: TransportReceiver): Promise<void>;
  /** Where a member is reached. Replaces an earlier address. */
  setPeer(id: number, address: string): void;
  removePeer(id: number): void;
  /** Queues messages, each for the peer it names. */
  send(messages: readonly Message[]): void;
  /** Sends a snapshot message and the state it stands for. Resolves once the peer has taken both. */
  sendSnapshot(message: Message, source: SnapshotSource): Promise<void>;
  close(): Promise<void>;
}

/** The node, as a transport sees it. */
export interface TransportReceiver {
  /** Messages of one peer, in the order in which they were sent. */
  receive(messages: readonly Message[]): void;
  /** The last messages to this peer did not get through. */
  unreachable(peer: number): void;
  /** The connection over which this peer sends has ended, after all that came over it: the peer died, or the network did. */
  disconnected(peer: number): void;
  /** A snapshot comes in. What it will write to; rejects if it is not wanted. */
  openSnapshotSink(message: Message): Promise<SnapshotSink>;
}

/** The state of a snapshot, to be read from any position: a broken transfer goes on where it stopped. */
export interface SnapshotSource {
  readonly totalBytes: number;
  read(position: number, target: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** Takes a snapshot's bytes. `receivedBytes` are there already, from an earlier attempt. */
export interface SnapshotSink {
  readonly receivedBytes: number;
  write(chunk: Uint8Array): Promise<void>;
  /** All bytes are there: checks them and hands the message to the node. */
  finish(): Promise<void>;
  /** The transfer broke; what was received is kept for the next attempt. */
  abandon(): Promise<void>;
}

/** Bytes of a snapshot that travel at a time. */
export const SNAPSHOT_CHUNK_BYTES = 256 * 1024;
