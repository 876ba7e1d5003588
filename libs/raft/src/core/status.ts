import { ConfState, HardState } from './messages.js';
import { Role, SoftState } from './ready.js';

export type ProgressState = 'StateProbe' | 'StateReplicate' | 'StateSnapshot';

/** What a leader knows of one peer; a copy. */
export interface PeerStatus {
  readonly id: number;
  readonly state: ProgressState;
  readonly match: number;
  readonly next: number;
  readonly learner: boolean;
  readonly paused: boolean;
  readonly pendingSnapshot: number;
  readonly recentActive: boolean;
  readonly inflight: number;
  readonly inflightFull: boolean;
}

/** The cheap part of a node's status. */
export interface BasicStatus {
  readonly id: number;
  readonly hardState: HardState;
  readonly softState: SoftState;
  readonly applied: number;
  readonly lastIndex: number;
  /** Id of the peer that leadership is being handed to, or NONE. */
  readonly leadTransferee: number;
}

export interface Status extends BasicStatus {
  readonly confState: ConfState;
  /** By id, ascending; empty unless this node leads. */
  readonly peers: readonly PeerStatus[];
}

export const roleNames: Record<Role, string> = {
  [Role.Follower]: 'StateFollower',
  [Role.Candidate]: 'StateCandidate',
  [Role.Leader]: 'StateLeader',
  [Role.PreCandidate]: 'StatePreCandidate',
};
