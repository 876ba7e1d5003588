/**
 * The decision log: an ordered, durable list of entries with terms, and the leadership that may append to it. Behind it
 * is Raft (`cluster/raft-log.ts`); a single replica is a cluster of one.
 */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  /** Empty for entries that the log makes for itself. */
  readonly data: Uint8Array;
}

export interface DecisionLogListener {
  /** Entries that are committed and durable in this replica's own log, in order, each once per start. */
  onApply(entries: readonly LogEntry[]): void;
  /** This replica leads `term`. Entries of earlier terms that it will ever hear of have been applied when its own first entry is. */
  onLeading(term: number): void;
  /** This replica no longer leads: what it proposed may or may not be applied. */
  onFollowing(): void;
  /** A member that is far behind needs the state: as of the last entry applied, read while work goes on. */
  onSnapshot(): Promise<AsyncIterable<Uint8Array>>;
  /** This replica was far behind: its state is replaced by another member's. Nothing is applied meanwhile. */
  onRestore(chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** The log can no longer be written (for example an fsync failed): the process must end, a restart recovers. */
  onFailure(error: Error): void;
}

export interface DecisionLog {
  /** Random id of this member, stored in the log's directory. */
  readonly memberId: string;
  readonly lastIndex: number;
  /** Whether the cluster has removed this member: it will hear of nothing any more. */
  readonly removed: boolean;
  /** Whether this replica leads or knows who does. */
  readonly leaderKnown: boolean;
  readonly fsyncCount: number;
  readonly bytesWritten: number;
  /** Replays everything above `appliedIndex`, then goes on. Call once. */
  start(appliedIndex: number, listener: DecisionLogListener): Promise<void>;
  /**
   * Appends an entry in the given term. What comes of it is heard through `onApply`; never proposed again in another term (D2).
   * @param mayWait nobody waits for it: it goes along with the next entry, or by itself a moment later. Entries keep their order
   * @returns false when this replica does not lead that term, or no longer takes proposals
   */
  propose(term: number, data: Uint8Array, mayWait?: boolean): boolean;
  /**
   * Resolves once everything that was decided before this call is applied here (ReadIndex, batched).
   * @returns false when that cannot be confirmed, because no leader answers
   */
  readIndex(): Promise<boolean>;
  /** The log up to and including the entry of this index and term is held durably elsewhere and may be cut. */
  compact(throughIndex: number, term: number): Promise<void>;
  /** Gives leadership to another member, if this replica leads and there is one that is caught up (D10). */
  handOver(): Promise<void>;
  /** Makes durable what has been proposed, releases the directory. */
  close(): Promise<void>;
}
