interface Lease {
  /** Until when its holder may count on it, by performance.now(). */
  readonly promisedUntil: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * The lease times that a leader counts, on its own clock, which never goes back (design §2).
 *
 * A lease is promised from the moment before its entry was proposed, and ends a whole lease time after the entry was
 * applied: whoever holds it stops counting on it before anybody ends it.
 */
export class LockLeases {
  readonly #leases = new Map<string, Lease>();

  /**
   * Begins a lease, or begins it anew.
   * @param since moment before the proposal, by performance.now()
   * @param onOver called when the time is over, once
   */
  begin(id: string, ttlMs: number, since: number, onOver: () => void): void {
    this.end(id);
    const timer = setTimeout(onOver, ttlMs);
    timer.unref();
    this.#leases.set(id, { promisedUntil: since + ttlMs, timer });
  }

  /** Until when its holder may count on it, by performance.now(). */
  until(id: string): number {
    return this.#leases.get(id)?.promisedUntil ?? 0;
  }

  end(id: string): void {
    clearTimeout(this.#leases.get(id)?.timer);
    this.#leases.delete(id);
  }

  stop(): void {
    for (const { timer } of this.#leases.values()) clearTimeout(timer);
    this.#leases.clear();
  }
}
