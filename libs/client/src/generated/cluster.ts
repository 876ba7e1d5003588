// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.

export type AddMemberRequest = {
  /** host:port of the new replica for its peers. */
  readonly address: string;
};

export type Cluster = {
  readonly leader: number | null;
  readonly term: number;
  readonly members: readonly Member[];
};

export type Member = {
  /** Random, made with the member's log. */
  readonly id: number;
  readonly nodeId: number;
  /** Where other replicas reach it, host:port. */
  readonly address: string;
  /** Where callers reach it. */
  readonly url: string;
  readonly role: 'leader' | 'follower' | 'learner';
  readonly matchIndex: number | null;
  readonly appliedIndex: number | null;
  readonly persistedIndex: number | null;
  /** How long it has been behind, in ms; null while it is not heard. */
  readonly lagMs: number | null;
  /** How long ago it last answered the replica that answers, in ms. */
  readonly lastContactMs: number | null;
  /** Phi: 8 means, were it alive, so long a silence would come once in 10^8 times. Null where nothing is told. */
  readonly suspicion: number | null;
};

export type TransferRequest = {
  /** Id of the member; left out, the one that is furthest. */
  readonly to?: number;
};
