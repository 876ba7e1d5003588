import type { Consistency } from './api.js';

/** Who leads, as this replica knows it. */
export interface Leadership {
  readonly leads: boolean;
  /** Where the leader takes calls; undefined while none is known, or it is this replica. */
  readonly leaderUrl: string | undefined;
  /** Where this replica takes calls; undefined unless it leads. */
  readonly ownUrl?: string | undefined;
  readonly appliedIndex: number;
  /** Whether the cluster has removed this replica: no leader is its own any more. */
  readonly removed: boolean;
  /** Longest time that an election takes to begin once the leader is silent, in ms. */
  readonly electionTimeoutMsMax: number;
}

/** One member, as the replica that answers knows it. */
export interface MemberView {
  /** Random, made with the member's log. */
  readonly id: number;
  /** Ordinal of the place it runs at. */
  readonly nodeId: number;
  readonly address: string;
  readonly url: string;
  readonly role: 'leader' | 'follower' | 'learner';
  /** Last log index known to be durable there; null where only the leader knows. */
  readonly matchIndex: number | null;
  readonly appliedIndex: number | null;
  readonly persistedIndex: number | null;
  /** How long it has been behind the replica that answers, in ms; null when it has not been heard. */
  readonly lagMs: number | null;
  /** How long ago it last answered the replica that answers now, in ms; null when it never has. */
  readonly lastContactMs: number | null;
  /** φ of that silence; null when it never has answered. */
  readonly suspicion: number | null;
}

export interface ClusterView {
  /** Id of the leader, null while none is known. */
  readonly leader: number | null;
  readonly term: number;
  readonly members: readonly MemberView[];
}

/** What the HTTP layer sees of the cluster. Errors are `ConcordatError`s. */
export interface ClusterApi extends Leadership {
  /**
   * Linearizable: confirmed by ReadIndex, or `not-ready` within an election timeout. Stale: at once, as this replica
   * knows it.
   */
  view(consistency: Consistency): Promise<ClusterView>;
  /** Hands leadership to a member, or to the one that is furthest. */
  transfer(to: number | undefined): Promise<ClusterView>;
  /** Takes in the replica that runs at an address, host:port. */
  add(address: string): Promise<ClusterView>;
  /** Removes a member for good. */
  remove(id: number): Promise<ClusterView>;
}

export const CLUSTER_API = Symbol('ClusterApi');
