import type { Entry } from '../core/messages.js';
import type { ProposalOutcome, UncertainReason } from './outcomes.js';

type Settle<Result> = (outcome: ProposalOutcome<Result>) => void;

export interface WaitingProposal<Result> {
  readonly data: Uint8Array;
  readonly settle: Settle<Result>;
}

interface PlacedProposal<Result> {
  readonly index: number;
  readonly term: number;
  readonly settle: Settle<Result>;
}

/**
 * Proposals that are in the log and wait for their fate.
 *
 * P1: entries ascend by index. Each proposal is settled exactly once.
 * P2: only what is applied at the very index decides: the own term there means committed, any other means replaced.
 */
export class ProposalLedger<Result> {
  #placed: PlacedProposal<Result>[] = [];
  #head = 0;
  /** Changes of the membership, by index: they are settled a little later than entries around them. */
  readonly #changes = new Map<number, PlacedProposal<Result>>();

  get length(): number {
    return this.#placed.length - this.#head + this.#changes.size;
  }

  /** A proposal was appended to the own log. */
  place(index: number, term: number, settle: Settle<Result>): void {
    this.#giveUpFrom(index);
    this.#placed.push({ index, term, settle });
  }

  /** A change of the membership was appended to the own log. */
  placeChange(index: number, term: number, settle: Settle<Result>): void {
    this.#giveUpFrom(index);
    this.#changes.set(index, { index, term, settle });
  }

  /** An entry was applied, with this result. */
  applied(entry: Entry, result: Result | undefined): void {
    for (let next = this.#placed[this.#head]; next && next.index <= entry.index; next = this.#placed[this.#head]) {
      this.#drop();
      if (next.index < entry.index) giveUp(next, 'snapshot-installed');
      else if (next.term !== entry.term) next.settle({ outcome: 'dropped', reason: 'replaced' });
      else next.settle({ outcome: 'committed', index: entry.index, term: entry.term, result: result as Result });
    }
    if (this.#changes.size > 0) this.#settleChange(entry, false);
  }

  /** A change of the membership was applied, and the core knows. */
  membersChanged(entry: Entry): void {
    this.#settleChange(entry, true);
  }

  /** A snapshot brought the state to `index`: what was placed up to there will not be seen any more. */
  skippedTo(index: number): void {
    for (let next = this.#placed[this.#head]; next && next.index <= index; next = this.#placed[this.#head]) {
      this.#drop();
      giveUp(next, 'snapshot-installed');
    }
    this.#giveUpChanges((change) => change.index <= index, 'snapshot-installed');
  }

  /** Everything that waits is left unsettled for good. */
  giveUpAll(reason: UncertainReason): void {
    const waiting = this.#placed.slice(this.#head);
    this.#placed = [];
    this.#head = 0;
    for (const proposal of waiting) giveUp(proposal, reason);
    this.#giveUpChanges(() => true, reason);
  }

  /** Led again after a break: what still waits at or above this index is not in the own log any more, maybe in another's. */
  #giveUpFrom(index: number): void {
    while (this.#placed.length > this.#head && (this.#placed.at(-1) as PlacedProposal<Result>).index >= index) {
      giveUp(this.#placed.pop() as PlacedProposal<Result>, 'leadership-lost');
    }
    if (this.#changes.size > 0) this.#giveUpChanges((change) => change.index >= index, 'leadership-lost');
  }

  #giveUpChanges(which: (change: PlacedProposal<Result>) => boolean, reason: UncertainReason): void {
    for (const change of [...this.#changes.values()].filter(which)) {
      this.#changes.delete(change.index);
      giveUp(change, reason);
    }
  }

  #settleChange({ index, term }: Entry, took: boolean): void {
    const change = this.#changes.get(index);
    if (!change) return;
    this.#changes.delete(index);
    if (change.term !== term) change.settle({ outcome: 'dropped', reason: 'replaced' });
    else if (!took) change.settle({ outcome: 'dropped', reason: 'change-refused' });
    else change.settle({ outcome: 'committed', index, term, result: undefined as Result });
  }

  #drop(): void {
    this.#head++;
    if (this.#head === this.#placed.length) {
      this.#placed = [];
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#placed.length) {
      this.#placed = this.#placed.slice(this.#head);
      this.#head = 0;
    }
  }
}

function giveUp<Result>({ index, term, settle }: PlacedProposal<Result>, reason: UncertainReason): void {
  settle({ outcome: 'uncertain', index, term, reason });
}
