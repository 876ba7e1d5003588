// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.

export type Caller = {
  /** The name that calls are made in. */
  readonly caller: string;
  /** Those given, and those that they carry. */
  readonly roles: readonly ('caller' | 'operator' | 'admin' | 'participant' | 'monitor')[];
};

export type Health = {
  readonly status: 'live' | 'ready' | 'started';
  readonly checks?: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly detail?: string;
    /** True where it is told and decides nothing. */
    readonly advisory?: boolean;
  }[];
};

export type InDoubt = {
  readonly items: readonly {
    readonly transactionId: string;
    /** See docs/in-doubt.md. */
    readonly cause: 'hazard' | 'orphan' | 'reconciling' | 'participant-down' | 'finalising' | 'voting' | 'unconfirmed';
    /** What is decided; null: nothing yet, or nothing that is known. */
    readonly outcome: 'committed' | 'aborted' | null;
    readonly label: string | null;
    readonly since: string;
    readonly ageMs: number;
    readonly branches: readonly {
      readonly participant: string;
      /** `report`: its word after a restore. `operator`: that somebody looks and resolves. */
      readonly awaits: 'vote' | 'done' | 'report' | 'operator';
      /** Of the branch, as far as it is known. */
      readonly status: string;
      /** Of the participant. */
      readonly health: 'up' | 'down' | 'unknown';
      /** What the participant said of what stands in the way, where it said something. */
      readonly error: string | null;
    }[];
  }[];
  /** How many there are; the list has the first ones. */
  readonly total: number;
  /** Those that hold something prepared, by their own word. */
  readonly participants: readonly {
    readonly participant: string;
    readonly health: 'up' | 'down' | 'unknown';
    readonly preparedCount: number;
    readonly oldestInDoubtMs: number | null;
    /** Prepared in its database under its prefix, of no transaction. */
    readonly foreignPrepared: number;
  }[];
};

export type OperatorActions = {
  readonly items: readonly {
    /** Grows with time. */
    readonly id: number;
    readonly at: string;
    readonly actor: string;
    /** `resolve`, `member-add`, `member-remove`, `leadership-transfer`. */
    readonly action: string;
    readonly target: string;
    readonly reason: string | null;
    /** What was asked for. */
    readonly outcome: string | null;
  }[];
  readonly nextCursor: string | null;
};

export type Overview = {
  /** In order; the first event has those of the last minutes. */
  readonly samples: readonly OverviewSample[];
};

export type OverviewSample = {
  readonly at: string;
  readonly begunPerS: number;
  readonly committedPerS: number;
  readonly abortedPerS: number;
  /** Begins turned away for want of room. */
  readonly refusedPerS: number;
  /** Over the last 5 s, in ms, interpolated in the buckets of the histogram; null where nothing ended. */
  readonly decisionMs: {
    readonly p50: number;
    readonly p99: number;
  } | null;
  /** Over the last 5 s, in ms, interpolated in the buckets of the histogram; null where nothing ended. */
  readonly finaliseMs: {
    readonly p50: number;
    readonly p99: number;
  } | null;
  /** Transactions not finished. */
  readonly inFlight: number;
  /** Transactions not decided. */
  readonly undecided: number;
  /** What GET /v1/in-doubt lists, for 5 s or longer; null where it is not known. */
  readonly inDoubt: number | null;
  /** Branches that contradict their decision, since this process began. */
  readonly hazards: number;
  /** Room for work under way. */
  readonly places: number;
  readonly placesTaken: number;
  /** Calls that wait for their turn. */
  readonly waiting: number;
  /** Changed records that wait for Postgres. */
  readonly persistenceBacklog: number;
};

export type ResolveRequest = {
  /** What is decided, or `aborted` where nothing is. */
  readonly outcome: 'committed' | 'aborted';
  /** Why, for the audit trail. */
  readonly reason: string;
};
