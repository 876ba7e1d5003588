import { JointQuorum } from '../quorum/joint.js';
import { AckedIndexer } from '../quorum/majority.js';
import { Message, NO_BYTES } from './messages.js';

/** A read request with the commit index at which it may be answered once the leadership is confirmed. */
export interface PendingRead {
  readonly request: Message;
  readonly index: number;
}

/**
 * Reads on a leader that wait until a quorum has answered a heartbeat sent after they came in.
 *
 * Reads are numbered from 1 within a term. A heartbeat carries the number of the newest read; whoever answers it
 * confirms all reads up to there. What a quorum confirms is then found as a commit index is.
 *
 * Q1 `#waiting[i]` has number confirmed + 1 + i.
 */
export class ReadQueue implements AckedIndexer {
  readonly #acks = new Map<number, number>();
  #waiting: PendingRead[] = [];
  #confirmed = 0;

  get length(): number {
    return this.#waiting.length;
  }

  add(request: Message, index: number): void {
    this.#waiting.push({ request, index });
  }

  ackedIndex(voter: number): number | undefined {
    return this.#acks.get(voter);
  }

  /** The number of the newest waiting read, for a heartbeat to carry; 0 where none waits. */
  get newest(): number {
    return this.#waiting.length === 0 ? 0 : this.#confirmed + this.#waiting.length;
  }

  acknowledge(from: number, number: number): void {
    if (number > (this.#acks.get(from) ?? 0)) this.#acks.set(from, number);
  }

  /** Removes and returns, in order, the reads that a quorum has confirmed. */
  takeConfirmed(voters: JointQuorum): readonly PendingRead[] {
    const confirmed = Math.min(voters.committedIndex(this), this.#confirmed + this.#waiting.length);
    if (confirmed <= this.#confirmed) return [];
    const count = confirmed - this.#confirmed;
    const taken = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    this.#confirmed = confirmed;
    return taken;
  }
}

/** Eight bytes, little-endian. */
export function encodeReadNumber(number: number): Uint8Array {
  if (number === 0) return NO_BYTES;
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, number % 2 ** 32, true);
  view.setUint32(4, Math.floor(number / 2 ** 32), true);
  return bytes;
}

/** 0 for anything that `encodeReadNumber` did not make. */
export function decodeReadNumber(bytes: Uint8Array): number {
  if (bytes.length !== 8) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
}
