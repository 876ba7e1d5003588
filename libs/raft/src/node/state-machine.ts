import type { ConfChange } from '../confchange/conf-change.js';
import type { ConfState, Entry } from '../core/messages.js';

/**
 * What the log is for. All methods are called one at a time, in the order of the log, and the same everywhere: a state
 * machine must not look at clocks, randomness or anything else that differs between members.
 *
 * Whatever it throws stops the node: a member that cannot apply must not go on.
 */
export interface StateMachine<Result = unknown> {
  /**
   * Index up to which the state is there already, durable by the state machine's own means. Without this method the
   * state lives in memory: it is built anew from the newest snapshot and the log.
   */
  appliedIndex?(): number | Promise<number>;
  /** Applies committed entries (never empty ones). @returns one result for each, which its proposer gets */
  apply(entries: readonly Entry[]): readonly Result[] | Promise<readonly Result[]>;
  /** A change of the membership takes effect at this place of the log. */
  applyConfChange?(change: ConfChange, confState: ConfState, index: number): void | Promise<void>;
  /**
   * Captures the state as of the last applied entry. It is captured once this returns (or resolves); reading the chunks
   * may take its time, while more is applied.
   */
  snapshot(): AsyncIterable<Uint8Array> | Iterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
  /** Replaces the state by a snapshot as of `index`. */
  restore(chunks: AsyncIterable<Uint8Array>, index: number): Promise<void>;
}
