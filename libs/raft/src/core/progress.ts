import { violated } from './errors.js';
import { Inflights } from './inflights.js';
import { PeerStatus, ProgressState } from './status.js';

/**
 * A leader's view of one peer's log, and what it may send next.
 *
 * Owns: match, next, the window and the three states. Does not own: sending; it says whether and from where.
 *
 * P1 0 ≤ match < next. Everything up to match is known to be in the peer's log.
 * P2 Entries in (match, next) are in flight.
 * P3 In StateSnapshot, next = pendingSnapshot + 1, and nothing is sent.
 *
 * - StateProbe: where the logs meet is a guess; one append at a time, then wait for the answer or a heartbeat's.
 * - StateReplicate: appends are sent ahead of their acknowledgements, as far as the window goes.
 * - StateSnapshot: a snapshot is under way.
 */
export class Progress {
  match = 0;
  next: number;
  state: ProgressState = 'StateProbe';
  /** The snapshot index the peer was sent; 0 outside StateSnapshot. */
  pendingSnapshot = 0;
  /** Heard from since the last check of the quorum. Always true for the leader itself. */
  recentActive = false;
  /** No more appends until an answer or a heartbeat response arrives. */
  appendPaused = false;
  isLearner: boolean;
  readonly inflights: Inflights;
  /** Highest commit index sent. Falls back where what was sent is likely lost. */
  #sentCommit = 0;

  constructor(next: number, inflights: Inflights, isLearner: boolean) {
    this.next = next;
    this.inflights = inflights;
    this.isLearner = isLearner;
  }

  /** A copy to try a configuration change on. It shares the window, which such a change never touches. */
  clone(): Progress {
    const copy = new Progress(this.next, this.inflights, this.isLearner);
    copy.match = this.match;
    copy.state = this.state;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.recentActive = this.recentActive;
    copy.appendPaused = this.appendPaused;
    copy.#sentCommit = this.#sentCommit;
    return copy;
  }

  becomeProbe(): void {
    // A snapshot that went out well is the best guess there is; otherwise start over behind what is known to match.
    const afterSnapshot = this.state === 'StateSnapshot' ? this.pendingSnapshot + 1 : 0;
    this.#enter('StateProbe');
    this.next = Math.max(this.match + 1, afterSnapshot);
    this.#sentCommit = Math.min(this.#sentCommit, this.next - 1);
  }

  becomeReplicate(): void {
    this.#enter('StateReplicate');
    this.next = this.match + 1;
  }

  becomeSnapshot(index: number): void {
    this.#enter('StateSnapshot');
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.#sentCommit = index;
  }

  /** Records an append of `count` entries from `next` on. Not in StateSnapshot. */
  sentEntries(count: number, bytes: number): void {
    switch (this.state) {
      case 'StateReplicate':
        if (count > 0) {
          this.next += count;
          this.inflights.add(this.next - 1, bytes);
        }
        // Once the window is full, whatever was sent last serves as a probe and the flow pauses.
        this.appendPaused = this.inflights.full;
        break;
      case 'StateProbe':
        if (count > 0) this.appendPaused = true;
        break;
      default:
        violated(`an append was sent in ${this.state}`);
    }
  }

  sentCommit(commit: number): void {
    this.#sentCommit = commit;
  }

  /** True where telling the peer this commit index could still move its own. */
  canBumpCommit(commit: number): boolean {
    return commit > this.#sentCommit && this.#sentCommit < this.next - 1;
  }

  /** Takes an acknowledgement up to `index`. False where it says nothing new. */
  maybeUpdate(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.appendPaused = false;
    return true;
  }

  /**
   * Takes a rejection of an append that began after `rejected`; `hint` is where the logs may meet.
   * False where the rejection is stale: delayed or duplicated, about something already known.
   */
  maybeDecrease(rejected: number, hint: number): boolean {
    if (this.state === 'StateReplicate') {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      this.#sentCommit = Math.min(this.#sentCommit, this.next - 1);
      return true;
    }
    // Outside StateReplicate one append is out at a time, so a genuine rejection is about exactly that one.
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.#sentCommit = Math.min(this.#sentCommit, this.next - 1);
    this.appendPaused = false;
    return true;
  }

  isPaused(): boolean {
    return this.state === 'StateSnapshot' || this.appendPaused;
  }

  status(id: number): PeerStatus {
    return {
      id,
      state: this.state,
      match: this.match,
      next: this.next,
      learner: this.isLearner,
      paused: this.isPaused(),
      pendingSnapshot: this.pendingSnapshot,
      recentActive: this.recentActive,
      inflight: this.inflights.count,
      inflightFull: this.inflights.full,
    };
  }

  #enter(state: ProgressState): void {
    this.appendPaused = false;
    this.pendingSnapshot = 0;
    this.state = state;
    this.inflights.clear();
  }
}
