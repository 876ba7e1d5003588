import { violated } from './errors.js';

/**
 * The window of append messages sent to one peer and not yet acknowledged, each known by the index of its last entry.
 *
 * W1 Indices in the window ascend from oldest to newest.
 * W2 At most `countMax` messages are inside. The byte bound is soft: the message that crosses it still gets in.
 *
 * A ring that starts small and doubles up to `countMax`, since most peers never fill theirs.
 */
export class Inflights {
  readonly countMax: number;
  readonly bytesMax: number;
  #indices: number[] = [];
  #sizes: number[] = [];
  #start = 0;
  #count = 0;
  #bytes = 0;

  constructor(countMax: number, bytesMax: number) {
    this.countMax = countMax;
    this.bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes of all entries inside. */
  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.#count >= this.countMax || this.#bytes >= this.bytesMax;
  }

  /** Records a message that has just been sent. Only while not full. */
  add(lastIndex: number, bytes: number): void {
    if (this.full) violated('a message was sent into a full window');
    if (this.#count === this.#indices.length) this.#grow();
    const at = (this.#start + this.#count) % this.#indices.length;
    this.#indices[at] = lastIndex;
    this.#sizes[at] = bytes;
    this.#count++;
    this.#bytes += bytes;
  }

  /** Frees every message whose last entry is at or below `index`. */
  freeUpTo(index: number): void {
    while (this.#count > 0 && (this.#indices[this.#start] as number) <= index) {
      this.#bytes -= this.#sizes[this.#start] as number;
      this.#start = (this.#start + 1) % this.#indices.length;
      this.#count--;
    }
  }

  clear(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #grow(): void {
    const length = Math.min(this.countMax, Math.max(1, this.#indices.length * 2));
    const ordered = (ring: number[]) => {
      const straight = [...ring.slice(this.#start), ...ring.slice(0, this.#start)];
      while (straight.length < length) straight.push(0);
      return straight;
    };
    this.#indices = ordered(this.#indices);
    this.#sizes = ordered(this.#sizes);
    this.#start = 0;
  }
}
