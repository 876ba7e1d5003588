import { decodeEntry, type Entry, encodeEntry } from '@concordat/transaction';
import type { DecisionLog, DecisionLogListener, LogEntry } from '../src/engine/decision-log.js';

/** A decision log in memory whose every step the test takes itself: what is applied, who leads, what is lost. */
export class ControlledLog implements DecisionLog {
  readonly memberId = 'member';
  readonly fsyncCount = 0;
  readonly bytesWritten = 0;
  readonly applied: LogEntry[] = [];
  readonly compactions: { throughIndex: number; term: number }[] = [];
  /** Proposed and not applied, oldest first. */
  pending: { term: number; data: Uint8Array; mayWait?: boolean }[] = [];
  refused = 0;
  closed = false;
  removed = false;
  #listener: DecisionLogListener | undefined;

  /** @param term the first term that this replica leads after `start`; 0 to follow */
  constructor(
    public term = 1,
    entries: readonly LogEntry[] = [],
  ) {
    this.applied.push(...entries);
  }

  get lastIndex(): number {
    return this.applied.length + this.pending.length;
  }

  async start(appliedIndex: number, listener: DecisionLogListener): Promise<void> {
    this.#listener = listener;
    const unapplied = this.applied.filter(({ index }) => index > appliedIndex);
    if (unapplied.length > 0) listener.onApply(unapplied);
    if (this.term > 0) listener.onLeading(this.term);
  }

  propose(term: number, data: Uint8Array, mayWait = false): boolean {
    if (this.closed || term !== this.term) {
      this.refused += 1;
      return false;
    }
    this.pending.push({ term, data, mayWait });
    return true;
  }

  async readIndex(): Promise<boolean> {
    return this.term > 0;
  }

  get leaderKnown(): boolean {
    return this.term > 0;
  }

  async handOver(): Promise<void> {}

  async compact(throughIndex: number, term: number): Promise<void> {
    this.compactions.push({ throughIndex, term });
  }

  async close(): Promise<void> {
    this.closed = true;
    this.applyAll();
  }

  get proposed(): Entry[] {
    return this.pending.map(({ data }) => decodeEntry(data));
  }

  applyNext(): void {
    const next = this.pending.shift();
    if (next) this.#append([next]);
  }

  /** Applies until nothing is proposed any more. */
  applyAll(): void {
    while (this.pending.length > 0) this.#append(this.pending.splice(0));
  }

  /** Leadership goes: the first `survivors` proposals are applied in their term, the others are lost. */
  lose(survivors = 0): void {
    const surviving = this.pending.splice(0, survivors);
    this.pending = [];
    this.term = 0;
    this.#listener?.onFollowing();
    if (surviving.length > 0) this.#append(surviving);
  }

  lead(term: number): void {
    this.term = term;
    this.#listener?.onLeading(term);
  }

  /** An entry of another leader arrives. */
  receive(term: number, entry: Entry): void {
    this.#append([{ term, data: encodeEntry(entry) }]);
  }

  fail(error: Error): void {
    this.#listener?.onFailure(error);
  }

  #append(proposals: readonly { term: number; data: Uint8Array }[]): void {
    const entries = proposals.map(({ term, data }, i) => ({ index: this.applied.length + 1 + i, term, data }));
    this.applied.push(...entries);
    this.#listener?.onApply(entries);
  }
}
