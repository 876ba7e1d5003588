// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.

export type Operation = {
  readonly name: string;
  readonly readOnly: boolean;
  /** JSON Schema 2020-12 of the input. */
  readonly inputSchema: {
    readonly [member: string]: unknown;
  };
  /** JSON Schema 2020-12 of the result. */
  readonly resultSchema: {
    readonly [member: string]: unknown;
  };
};

export type Participant = {
  readonly name: string;
  readonly isolation: 'local' | 'global';
  /** `down`: work for it is refused. `unknown`: nobody can tell, and work for it is taken. */
  readonly health: 'up' | 'down' | 'unknown';
  /** Phi: 8 means, were it alive, so long a silence would come once in 10^8 times. Null where nothing is told. */
  readonly suspicion: number | null;
  /** What each replica says, as far as it has reached the one that answers; that one comes first. */
  readonly observers: readonly {
    readonly nodeId: number;
    readonly word: 'alive' | 'suspected' | 'unknown';
    /** Phi: 8 means, were it alive, so long a silence would come once in 10^8 times. Null where nothing is told. */
    readonly suspicion: number | null;
    readonly ageMs: number;
  }[];
  readonly instances: number;
  readonly lastHeartbeatAt: string | null;
  /** Commands sent to it that it has not answered yet. */
  readonly lag: number;
  /** Branches it holds prepared and undecided. */
  readonly preparedCount: number;
  /** Age of the oldest of them in ms. */
  readonly oldestInDoubtMs: number | null;
  readonly operations: readonly Operation[];
};

export type ParticipantList = {
  readonly items: readonly Participant[];
  readonly nextCursor: null;
};
