import { type Message, MessageType } from '../core/messages.js';
import { messageBytesBound } from './message-codec.js';

/** Bounds on what waits for one peer; beyond them messages are dropped, which Raft repairs. */
export const OUTBOX_MESSAGES_MAX = 4096;
export const OUTBOX_BYTES_MAX = 64 * 1024 * 1024;
/** One batch takes about so much. */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/** Messages that wait to be sent to one peer. */
export class Outbox {
  #messages: Message[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /**
   * An append without entries, which only tells of a commit index, gives way to the append behind it, which tells of it too.
   *
   * @returns false if the message was dropped, because too much waits
   */
  add(message: Message): boolean {
    const last = this.#messages.at(-1);
    if (last && isSuperseded(last, message)) {
      this.#messages.pop();
      this.#bytes -= messageBytesBound(last);
    }
    const bytes = messageBytesBound(message);
    if (this.#messages.length >= OUTBOX_MESSAGES_MAX || this.#bytes + bytes > OUTBOX_BYTES_MAX) return false;
    this.#messages.push(message);
    this.#bytes += bytes;
    return true;
  }

  /** The next batch, in order; at least one message if there is any. */
  take(): Message[] {
    const all = this.#messages;
    if (this.#bytes <= BATCH_BYTES_MAX) {
      this.clear();
      return all;
    }
    let bytes = 0;
    let count = 0;
    for (const message of all) {
      const more = messageBytesBound(message);
      if (count > 0 && bytes + more > BATCH_BYTES_MAX) break;
      bytes += more;
      count++;
    }
    this.#messages = all.slice(count);
    this.#bytes -= bytes;
    return all.slice(0, count);
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }
}

function isSuperseded(earlier: Message, later: Message): boolean {
  return (
    earlier.type === MessageType.App &&
    later.type === MessageType.App &&
    earlier.entries.length === 0 &&
    earlier.term === later.term &&
    earlier.index <= later.index &&
    earlier.commit <= later.commit
  );
}
