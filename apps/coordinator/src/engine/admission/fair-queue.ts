/**
 * Who waits, in an order that is fair to callers: each has a queue of its own, and they take turns (round robin with
 * equal weights: Nagle, "On Packet Switches with Infinite Storage", RFC 970; bounds and drops as in McKenney,
 * "Stochastic Fairness Queueing", 1990). What one caller wants of different participants waits in lanes of its own, so
 * that what waits for one participant is not in the way of the rest.
 *
 * Owns the order, not the bounds. Within a lane the order is that of coming.
 */
export interface Waiting {
  readonly caller: string;
  /** What it needs room at. */
  readonly participants: readonly string[];
  /** Unix ms. */
  readonly since: number;
}

interface CallerQueue<T> {
  readonly lanes: Map<string, Set<T>>;
  size: number;
}

export class FairQueue<T extends Waiting> {
  /** In the order of their turns. */
  readonly #callers = new Map<string, CallerQueue<T>>();
  /** In the order of their coming. */
  readonly #all = new Set<T>();

  get size(): number {
    return this.#all.size;
  }

  get callers(): number {
    return this.#callers.size;
  }

  sizeOf(caller: string): number {
    return this.#callers.get(caller)?.size ?? 0;
  }

  get oldest(): T | undefined {
    return first(this.#all);
  }

  has(item: T): boolean {
    return this.#all.has(item);
  }

  add(item: T): void {
    let queue = this.#callers.get(item.caller);
    if (!queue) {
      queue = { lanes: new Map(), size: 0 };
      this.#callers.set(item.caller, queue);
    }
    const name = laneOf(item);
    const lane = queue.lanes.get(name);
    if (lane) lane.add(item);
    else queue.lanes.set(name, new Set([item]));
    queue.size += 1;
    this.#all.add(item);
  }

  /** The next whose participants have room, by turns; its caller's and its lane's next turn come after those of all others. */
  take(hasRoom: (participants: readonly string[]) => boolean): T | undefined {
    for (const [caller, queue] of this.#callers) {
      for (const [name, lane] of queue.lanes) {
        const item = first(lane) as T;
        if (!hasRoom(item.participants)) continue;
        this.remove(item);
        if (queue.lanes.delete(name) && lane.size > 0) queue.lanes.set(name, lane);
        if (this.#callers.delete(caller) && queue.size > 0) this.#callers.set(caller, queue);
        return item;
      }
    }
    return undefined;
  }

  /** The one of the longest queue that has waited longest: it gives way where there is no place to wait. */
  oldestOfLongest(): T | undefined {
    let longest: CallerQueue<T> | undefined;
    for (const queue of this.#callers.values()) if (queue.size > (longest?.size ?? 0)) longest = queue;
    let found: T | undefined;
    for (const lane of longest?.lanes.values() ?? []) {
      const item = first(lane) as T;
      if (!found || item.since < found.since) found = item;
    }
    return found;
  }

  remove(item: T): void {
    if (!this.#all.delete(item)) return;
    const queue = this.#callers.get(item.caller) as CallerQueue<T>;
    const name = laneOf(item);
    const lane = queue.lanes.get(name) as Set<T>;
    lane.delete(item);
    if (lane.size === 0) queue.lanes.delete(name);
    queue.size -= 1;
    if (queue.size === 0) this.#callers.delete(item.caller);
  }
}

const laneOf = ({ participants }: Waiting): string => participants.join(' ');

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}
