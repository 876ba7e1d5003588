import { Entry, HardState, Message, Snapshot } from './messages.js';

export const Role = { Follower: 0, Candidate: 1, Leader: 2, PreCandidate: 3 } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** Volatile facts for the caller's information; nothing depends on storing them. */
export interface SoftState {
  /** Id of the leader this node follows, or NONE. */
  readonly lead: number;
  readonly role: Role;
}

/** Answer to a read request: once `index` is applied, state at least as new as the request may be read. */
export interface ReadState {
  readonly index: number;
  /** The context given with the request. */
  readonly context: Uint8Array;
}

/**
 * Everything the core wants done since the last one. The caller
 *
 * 1. writes `hardState`, `entries` and `snapshot` to its log, and syncs if `mustSync`;
 * 2. sends `messages`;
 * 3. applies `snapshot`, then `committedEntries`, calling `applyConfChange` for configuration entries;
 * 4. calls `advance()`.
 *
 * With asynchronous storage writes, `messages` may be sent at once: what must wait for the disk travels inside the
 * StorageAppend message, and `advance()` is not called. There `entries`, `hardState`, `snapshot` and
 * `committedEntries` only repeat what the storage messages hold.
 */
export interface Ready {
  readonly softState: SoftState | undefined;
  readonly hardState: HardState | undefined;
  readonly readStates: readonly ReadState[];
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly committedEntries: readonly Entry[];
  readonly messages: readonly Message[];
  /** False where losing the write would lose nothing that was promised (only the commit index moved). */
  readonly mustSync: boolean;
}

/** Why a proposal was not taken. All may be tried again later, except where noted. */
export type DropReason =
  | 'no-leader'
  | 'forwarding-disabled'
  | 'not-a-member'
  | 'transfer-in-progress'
  | 'uncommitted-limit';

export type ProposalResult =
  /** Appended to the own log at `index` (the first of the batch) in `term`. Not committed yet. */
  | { readonly outcome: 'appended'; readonly term: number; readonly index: number }
  /** Sent on to the leader; its fate is unknown here. */
  | { readonly outcome: 'forwarded'; readonly lead: number }
  | { readonly outcome: 'dropped'; readonly reason: DropReason };

/** Why `step` did nothing with a message. */
export type Refusal = DropReason | 'local-message' | 'unknown-peer';
