/**
 * Decisions by simple majority of a set of voters.
 *
 * Owns: the arithmetic of majorities. Does not own: what is voted on or acknowledged; it only looks that up by id.
 *
 * M1 An empty set agrees to everything. That makes it the neutral half of a joint quorum.
 * M2 Two majorities of one set share a voter.
 */

/** Gives the highest index a voter has acknowledged; undefined where it never has. */
export interface AckedIndexer {
  ackedIndex(voter: number): number | undefined;
}

export type VoteResult = 'pending' | 'lost' | 'won';

export class MajorityQuorum {
  static readonly empty = new MajorityQuorum([]);

  /** Ascending, without duplicates. */
  readonly ids: readonly number[];
  readonly #members: ReadonlySet<number>;
  /** Reused by `committedIndex`, which runs for every acknowledgement. */
  readonly #scratch: number[];

  constructor(ids: Iterable<number>) {
    this.#members = new Set(ids);
    this.ids = [...this.#members].sort((a, b) => a - b);
    this.#scratch = this.ids.map(() => 0);
  }

  get size(): number {
    return this.ids.length;
  }

  has(id: number): boolean {
    return this.#members.has(id);
  }

  /** The highest index acknowledged by a majority; Infinity for the empty set (M1). */
  committedIndex(acked: AckedIndexer): number {
    const count = this.ids.length;
    if (count === 0) return Infinity;
    const sorted = this.#scratch;
    for (let filled = 0; filled < count; filled++) {
      insertSorted(sorted, filled, acked.ackedIndex(this.ids[filled] as number) ?? 0);
    }
    return sorted[count - (Math.floor(count / 2) + 1)] as number;
  }

  /** Counts yes and no by voter id; voters that are missing have not answered. */
  voteResult(votes: ReadonlyMap<number, boolean>): VoteResult {
    if (this.ids.length === 0) return 'won';
    let granted = 0;
    let missing = 0;
    for (const id of this.ids) {
      const vote = votes.get(id);
      if (vote === undefined) missing++;
      else if (vote) granted++;
    }
    const needed = Math.floor(this.ids.length / 2) + 1;
    if (granted >= needed) return 'won';
    return granted + missing >= needed ? 'pending' : 'lost';
  }
}

/** Inserts into the first `filled` places, which are ascending. Voters are few: this beats a sort. */
function insertSorted(sorted: number[], filled: number, value: number): void {
  let at = filled;
  while (at > 0 && (sorted[at - 1] as number) > value) {
    sorted[at] = sorted[at - 1] as number;
    at--;
  }
  sorted[at] = value;
}
