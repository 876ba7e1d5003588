/**
 * The snapshots that transactions read at, each under its transaction's id. They come in rising order, since transactions
 * begin in the order in which the log is applied, and go in any; the oldest is found without looking at the others.
 */
export class SnapshotsInUse {
  readonly #snapshots = new Map<string, number>();
  /** Stands behind `#oldest`. An iterator of a Map goes on over what is added behind it, and passes what was deleted. */
  #ids = this.#snapshots.keys();
  #oldest: string | undefined;

  add(id: string, snapshot: number): void {
    this.#snapshots.set(id, snapshot);
  }

  delete(id: string): void {
    this.#snapshots.delete(id);
  }

  /** The smallest snapshot, or undefined while there is none. Each id is passed once, whoever asks how often. */
  get oldest(): number | undefined {
    if (this.#snapshots.size === 0) return undefined;
    for (;;) {
      const snapshot = this.#oldest === undefined ? undefined : this.#snapshots.get(this.#oldest);
      if (snapshot !== undefined) return snapshot;
      const { value, done } = this.#ids.next();
      this.#oldest = value;
      if (done) this.#ids = this.#snapshots.keys();
    }
  }
}
