/** A replica as a policy sees it. */
export interface Candidate {
  readonly url: string;
  /** Position among the urls that the client was given. */
  readonly index: number;
  /** Whether it led when a replica last said who leads. */
  readonly leads: boolean;
}

/** Chooses among replicas that can be called now. */
export interface Policy {
  /**
   * @param candidates at least one, in the order of the client's urls; not always all of them
   * @param needsLeader whether another replica would only hand the call on to the leader
   */
  pick<C extends Candidate>(candidates: readonly C[], needsLeader: boolean): C;
}
