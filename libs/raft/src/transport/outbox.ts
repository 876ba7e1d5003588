import { type Message, MessageType } from '../core/messages.js';
import { messageBytesBound } from './message-codec.js';

/** Bounds on what waits for one peer; beyond them messages are dropped, which Raft repairs. */
export const OUTBOX_MESSAGES_MAX = 4096;
export const OUTBOX_BYTES_MAX = 64 * 1024 * 1024;
/** One batch takes about so much. */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/**
 * How long an append without entries waits for one with entries, in ms. It tells of a commit index, or asks whether the peer
 * is still there: the next append does the same, and the peer then wakes, and answers, once instead of twice.
 */
export const EMPTY_APPEND_WAIT_MS = 10;

/** Messages that wait to be sent to one peer, and when they go. */
export class Outbox {
  #messages: Message[] = [];
  #bytes = 0;
  #atOnce: NodeJS.Immediate | undefined;
  #later: NodeJS.Timeout | undefined;

  /** @param depart is to send what waits: at the end of this turn of the event loop, or a little later if nothing is urgent */
  constructor(private readonly depart: () => void) {}

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
    this.#schedule(message);
    return true;
  }

  #schedule(message: Message): void {
    if (isEmptyAppend(message)) this.#later ??= setTimeout(this.#departNow, EMPTY_APPEND_WAIT_MS);
    else this.#atOnce ??= setImmediate(this.#departNow);
  }

  readonly #departNow = () => {
    this.#unschedule();
    this.depart();
  };

  #unschedule(): void {
    clearImmediate(this.#atOnce);
    clearTimeout(this.#later);
    this.#atOnce = undefined;
    this.#later = undefined;
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
    this.#unschedule();
    this.#messages = [];
    this.#bytes = 0;
  }
}

function isEmptyAppend({ type, entries }: Message): boolean {
  return type === MessageType.App && entries.length === 0;
}

function isSuperseded(earlier: Message, later: Message): boolean {
  return (
    isEmptyAppend(earlier) &&
    later.type === MessageType.App &&
    earlier.term === later.term &&
    earlier.index <= later.index &&
    earlier.commit <= later.commit
  );
}
