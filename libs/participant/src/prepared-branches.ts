/** A branch that is durably prepared and has heard no decision yet. */
export interface PreparedBranch {
  readonly transactionId: string;
  /** The encoded vote, with the results of its operations where this process still has them. */
  readonly vote: string;
  /** Unix time in ms. */
  readonly preparedMs: number;
  /** When the vote is to be repeated, and how often it was. */
  dueMs: number;
  repeats: number;
}

/** What the database told of a prepared branch. */
export interface FoundBranch {
  readonly transactionId: string;
  readonly ageMs: number;
  /** The encoded vote, where the database has it. */
  readonly vote: string | null;
}

/**
 * The prepared branches of this participant, as far as memory knows. The database is the truth: a sweep reconciles. The
 * server's `max_prepared_transactions` bounds it, or the transactions that the coordinator has in flight.
 */
export class PreparedBranches {
  readonly #branches = new Map<string, PreparedBranch>();
  /** Those that heard their decision while a sweep was reading: what it read of them is old. */
  #forgottenSinceSweep: Set<string> | undefined;

  get size(): number {
    return this.#branches.size;
  }

  get(transactionId: string): PreparedBranch | undefined {
    return this.#branches.get(transactionId);
  }

  add(transactionId: string, vote: string, preparedMs: number, dueMs: number): void {
    this.#branches.set(transactionId, { transactionId, vote, preparedMs, dueMs, repeats: 0 });
  }

  /** A decision was carried out. */
  forget(transactionId: string): void {
    this.#branches.delete(transactionId);
    this.#forgottenSinceSweep?.add(transactionId);
  }

  /** Those whose votes are to be repeated now, at most `max` of them. */
  due(nowMs: number, max: number): PreparedBranch[] {
    const due: PreparedBranch[] = [];
    for (const branch of this.#branches.values()) {
      if (branch.dueMs > nowMs) continue;
      due.push(branch);
      if (due.length === max) break;
    }
    return due;
  }

  /** Age of the oldest in ms, null when there is none. */
  oldestMs(nowMs: number): number | null {
    let oldest: number | null = null;
    for (const { preparedMs } of this.#branches.values()) {
      const ageMs = Math.max(0, nowMs - preparedMs);
      if (oldest === null || ageMs > oldest) oldest = ageMs;
    }
    return oldest;
  }

  /** To be called before the database is read for `reconcile`. */
  beginSweep(): void {
    this.#forgottenSinceSweep = new Set();
  }

  /**
   * Takes over what a sweep found: branches that memory does not know are answered, to be added with `add`; those that
   * are no longer there, though they were known before the sweep began, are dropped (another owner finalised them).
   */
  reconcile(found: readonly FoundBranch[], sweepBeganMs: number): FoundBranch[] {
    const forgotten = this.#forgottenSinceSweep;
    this.#forgottenSinceSweep = undefined;
    const there = new Set(found.map(({ transactionId }) => transactionId));
    for (const { transactionId, preparedMs } of this.#branches.values()) {
      if (preparedMs < sweepBeganMs && !there.has(transactionId)) this.#branches.delete(transactionId);
    }
    return found.filter(({ transactionId }) => !this.#branches.has(transactionId) && !forgotten?.has(transactionId));
  }
}
