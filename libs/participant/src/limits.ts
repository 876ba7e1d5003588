/** Every bound and pace of a participant, each with a default that suits a small service. */
export interface ParticipantLimits {
  /** Prepares that run at the same time, each on a connection of its own. */
  readonly prepareConcurrency: number;
  /** Prepares that may run or wait; beyond it the commands topic is read no further. */
  readonly prepareBacklogMax: number;
  /** Connections kept for commits and rollbacks, so that these never wait behind prepares. */
  readonly finaliseConcurrency: number;
  /**
   * How long a statement of an operation may wait for a lock, less a random part of at most a half. Deadlocks across
   * databases, which no database sees, end by it.
   */
  readonly lockTimeoutMs: number;
  /** How often a prepare is begun anew after a serialization failure, a lock timeout or a lost connection. */
  readonly prepareAttemptsMax: number;
  /** Pause between attempts: begins here and doubles up to the cap. */
  readonly prepareRetryBaseMs: number;
  readonly prepareRetryCapMs: number;
  /** A prepared branch repeats its vote after this time, doubling up to the cap, until it hears a decision. */
  readonly voteRepeatBaseMs: number;
  readonly voteRepeatCapMs: number;
  /** How often prepared transactions that memory does not know are looked for. */
  readonly sweepIntervalMs: number;
  /** How often branch rows below the horizon are collected, and how many in one statement. */
  readonly garbageIntervalMs: number;
  readonly garbageBatchMax: number;
  /** Global isolation: sessions that operations executed at once may have open. */
  readonly sessionsMax: number;
  /** Global isolation: rows that one search by a filter may have to look at. */
  readonly scanCandidatesMax: number;
  /** Global isolation: connections for reads outside of transactions (`SnapshotReads`). */
  readonly readConcurrency: number;
  /** Global isolation: outcomes of transactions that are remembered, so that coordinators need not be asked again. */
  readonly statusesKnownMax: number;
  /** Global isolation: how long one coordinator may take to tell outcomes, and how long all attempts may take. */
  readonly statusRequestTimeoutMs: number;
  readonly statusTimeoutMs: number;
  /** Global isolation: commits and rollbacks that are carried out in one database transaction. */
  readonly finaliseBatchMax: number;
  /** Global isolation: database transactions that carry out decisions begin so far apart, unless somebody is waiting. */
  readonly finalisePaceMs: number;
  /** How long a graceful stop waits for running prepares before it cancels them. */
  readonly stopGraceMs: number;
}

export const DEFAULT_LIMITS: ParticipantLimits = {
  prepareConcurrency: 16,
  prepareBacklogMax: 2000,
  finaliseConcurrency: 8,
  lockTimeoutMs: 500,
  prepareAttemptsMax: 10,
  prepareRetryBaseMs: 5,
  prepareRetryCapMs: 200,
  voteRepeatBaseMs: 1000,
  voteRepeatCapMs: 5000,
  sweepIntervalMs: 3000,
  garbageIntervalMs: 5000,
  garbageBatchMax: 5000,
  sessionsMax: 2000,
  scanCandidatesMax: 50_000,
  readConcurrency: 8,
  statusesKnownMax: 100_000,
  statusRequestTimeoutMs: 1500,
  statusTimeoutMs: 5000,
  finaliseBatchMax: 250,
  finalisePaceMs: 10,
  stopGraceMs: 10_000,
};
