/**
 * What the core throws. The world's misfortunes (a lost leader, a full window) are return values; an exception is
 * either a caller's mistake or a broken invariant, and neither goes away by trying again.
 */
export abstract class RaftError extends Error {
  abstract readonly code: string;
  readonly retryable: boolean = false;
}

/** The configuration handed to the core cannot work. */
export class RaftConfigError extends RaftError {
  readonly code = 'raft-config';
  override readonly name = 'RaftConfigError';
}

/**
 * Something that cannot happen has happened: lost log, corrupted state, a message that breaks the protocol, or a bug.
 * The node must stop; going on could lose what was promised.
 */
export class RaftInvariantError extends RaftError {
  readonly code = 'raft-invariant';
  override readonly name = 'RaftInvariantError';
}

/** The requested index is already compacted away. */
export class RaftCompactedError extends RaftError {
  readonly code = 'raft-compacted';
  override readonly name = 'RaftCompactedError';

  constructor(readonly index: number) {
    super('requested index is unavailable due to compaction');
  }
}

/** A snapshot at or below the one already held. */
export class RaftSnapshotOutOfDateError extends RaftError {
  readonly code = 'raft-snapshot-out-of-date';
  override readonly name = 'RaftSnapshotOutOfDateError';

  constructor(
    readonly index: number,
    readonly currentIndex: number,
  ) {
    super('requested index is older than the existing snapshot');
  }
}

/** A configuration change that breaks the rules of membership. */
export class RaftConfChangeError extends RaftError {
  readonly code = 'raft-conf-change';
  override readonly name = 'RaftConfChangeError';
}

/** Throws RaftInvariantError. Returns never, so that it can stand in expressions. */
export function violated(text: string): never {
  throw new RaftInvariantError(text);
}
