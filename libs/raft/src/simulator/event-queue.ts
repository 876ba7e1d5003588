interface ScheduledEvent {
  readonly atMs: number;
  /** Breaks ties in the order of scheduling. */
  readonly sequence: number;
  readonly run: () => void;
}

/** Virtual time: nothing happens but what was scheduled, in order, and time jumps from one event to the next. */
export class EventQueue {
  #nowMs = 0;
  #sequence = 0;
  readonly #heap: ScheduledEvent[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): void {
    this.#heap.push({ atMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, run });
    this.#siftUp(this.#heap.length - 1);
  }

  /** Runs everything scheduled up to a moment, and whatever that schedules until then. */
  runUntil(endMs: number): void {
    while (this.runNext(endMs));
    this.#nowMs = endMs;
  }

  /** Runs the next event up to a moment. @returns whether there was one */
  runNext(endMs: number): boolean {
    const [first] = this.#heap;
    if (!first || first.atMs > endMs) return false;
    this.#removeFirst();
    this.#nowMs = first.atMs;
    first.run();
    return true;
  }

  #removeFirst(): void {
    const last = this.#heap.pop() as ScheduledEvent;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const child = right < this.#heap.length && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(child, at)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #siftUp(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one] as ScheduledEvent, this.#heap[other] as ScheduledEvent];
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
  }

  #swap(one: number, other: number): void {
    const held = this.#heap[one] as ScheduledEvent;
    this.#heap[one] = this.#heap[other] as ScheduledEvent;
    this.#heap[other] = held;
  }
}
