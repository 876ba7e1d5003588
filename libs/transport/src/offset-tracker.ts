/**
 * Knows, for one partition, up to where everything was handled. Offsets are numbers: Kafka's stay below 2^53 for as
 * long as anyone will run this.
 *
 * Invariants:
 * - O1 `committable` never passes a message that was received and is not handled.
 * - O2 It never goes back.
 */
export class OffsetTracker {
  /** Received and not handled, in the order received; handled ones are removed lazily from the front. */
  readonly #open: Array<{ offset: number; handled: boolean }> = [];
  #first = 0;
  readonly #byOffset = new Map<number, { offset: number; handled: boolean }>();
  #next: number;
  #committed: number;

  /** @param position where reading starts: everything before it counts as handled */
  constructor(position: number) {
    this.#next = position;
    this.#committed = position;
  }

  /** Notes a message that is about to be handled; offsets rise. */
  received(offset: number): void {
    const entry = { offset, handled: false };
    this.#open.push(entry);
    this.#byOffset.set(offset, entry);
    this.#next = offset + 1;
  }

  /** Notes that a message was handled. One that was never received is ignored. */
  handled(offset: number): void {
    const entry = this.#byOffset.get(offset);
    if (!entry) return;
    entry.handled = true;
    this.#byOffset.delete(offset);
    this.#removeHandledPrefix();
  }

  /** The offset after the last one received. */
  get next(): number {
    return this.#next;
  }

  /** The offset to commit: that of the first message not yet handled. */
  get committable(): number {
    return this.#open[this.#first]?.offset ?? this.#next;
  }

  /** @returns what to commit, or undefined when that was committed already */
  get uncommitted(): number | undefined {
    const offset = this.committable;
    return offset > this.#committed ? offset : undefined;
  }

  /** Notes that the broker has stored this offset. */
  committed(offset: number): void {
    if (offset > this.#committed) this.#committed = offset;
  }

  #removeHandledPrefix(): void {
    while (this.#open[this.#first]?.handled) this.#first += 1;
    if (this.#first < 1024 && this.#first < this.#open.length) return;
    this.#open.splice(0, this.#first);
    this.#first = 0;
  }
}
