/**
 * Open hazards: what stands between the decision and what a participant has done, or may have done.
 *
 * - H1 A hazard stays open until an operator has acknowledged it, or the participant itself has set it right; until then
 *   its transaction is not pruned.
 * - H2 The decision stays what it is (L2): a hazard says that somebody does not follow it.
 */

/** One participant of one transaction. */
export interface HazardRecord {
  readonly transactionId: string;
  readonly participant: string;
  /**
   * `contradiction`: by its own word the participant has done something else than was decided.
   * `unconfirmed`: it was told to commit and given up by an operator before it answered. What becomes of its branch is open,
   * so its transaction is kept for the day on which it asks.
   */
  readonly kind: 'contradiction' | 'unconfirmed';
  /** What was decided, and under which number. */
  readonly outcome: 'committed' | 'aborted';
  readonly csn: number | null;
  readonly detail: string;
  /** Unix ms, from the entry that raised it (D9). */
  readonly raisedAt: number;
}

/** What one entry changed; `null`: no longer open. By `hazardKey`. */
export type HazardChanges = ReadonlyMap<string, HazardRecord | null>;

/** Names and ids have no blanks. */
export const hazardKey = ({
  transactionId,
  participant,
}: Pick<HazardRecord, 'transactionId' | 'participant'>): string => `${transactionId} ${participant}`;

/** All that are open, oldest first. */
export class OpenHazards {
  readonly #byTransaction = new Map<string, Map<string, HazardRecord>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  of(transactionId: string): readonly HazardRecord[] {
    return [...(this.#byTransaction.get(transactionId)?.values() ?? [])];
  }

  get(transactionId: string, participant: string): HazardRecord | undefined {
    return this.#byTransaction.get(transactionId)?.get(participant);
  }

  *[Symbol.iterator](): Generator<HazardRecord> {
    for (const hazards of this.#byTransaction.values()) yield* hazards.values();
  }

  open(hazard: HazardRecord): void {
    const hazards = this.#byTransaction.get(hazard.transactionId) ?? new Map<string, HazardRecord>();
    if (!hazards.has(hazard.participant)) this.#size += 1;
    hazards.set(hazard.participant, hazard);
    this.#byTransaction.set(hazard.transactionId, hazards);
  }

  /** Whether it was open. */
  close(transactionId: string, participant: string): boolean {
    const hazards = this.#byTransaction.get(transactionId);
    if (!hazards?.delete(participant)) return false;
    this.#size -= 1;
    if (hazards.size === 0) this.#byTransaction.delete(transactionId);
    return true;
  }

  clear(): void {
    this.#byTransaction.clear();
    this.#size = 0;
  }
}
