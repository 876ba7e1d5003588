/** Errors of the write-ahead log. Each has a stable `code`; `retryable` says whether the same call may succeed later. */
export abstract class WalError extends Error {
  abstract readonly code: string;
  readonly retryable: boolean = false;

  override get name(): string {
    return this.constructor.name;
  }
}

/** Another live process (or another log in this one) has the directory open. */
export class WalLockedError extends WalError {
  readonly code = 'wal-locked';

  constructor(
    readonly directory: string,
    options?: ErrorOptions,
  ) {
    super(`${directory} is in use by another live process; stop that one first, or choose another directory`, options);
  }
}

/** Something that was acknowledged as durable cannot be read back. Opening is refused; nothing was changed. */
export class WalCorruptionError extends WalError {
  readonly code = 'wal-corrupt';

  /** @param position byte position in `file` at which reading failed */
  constructor(
    readonly file: string,
    readonly position: number,
    readonly reason: string,
    readonly advice = 'Keep a copy of the directory. In a cluster, remove this member and add an empty one under a new id; ' +
      'a single node is restored from its backup.',
  ) {
    super(`${file} is damaged at byte ${position}: ${reason}. ${advice}`);
  }
}

/** The directory holds a format this version does not read. */
export class WalVersionError extends WalError {
  readonly code = 'wal-version';

  constructor(
    readonly file: string,
    readonly version: number,
  ) {
    super(
      `${file} has write-ahead log format ${version}, which this version does not read; run the version that wrote it`,
    );
  }
}

/**
 * A write or sync failed, so it is unknown what the disk holds. Every later append fails with this error: the kernel
 * may have dropped the unwritten pages, and a second sync would succeed without them. The process is to exit; opening
 * the log again settles what is there.
 */
export class WalPoisonedError extends WalError {
  readonly code = 'wal-poisoned';

  constructor(
    readonly directory: string,
    override readonly cause: Error,
  ) {
    super(`the write-ahead log in ${directory} failed (${cause.message}); restart the process to recover it`, {
      cause,
    });
  }
}

/** The log is closed or closing. */
export class WalClosedError extends WalError {
  readonly code = 'wal-closed';

  constructor(readonly directory: string) {
    super(`the write-ahead log in ${directory} is closed`);
  }
}

/** More bytes are queued than `queuedBytesMax` allows. Nothing of this batch was written. */
export class WalOverloadedError extends WalError {
  readonly code = 'wal-overloaded';
  override readonly retryable = true;

  constructor(
    readonly queuedBytes: number,
    readonly queuedBytesMax: number,
  ) {
    super(`${queuedBytes} bytes wait to be written, ${queuedBytesMax} are allowed`);
  }
}

/** The caller broke the contract: a gap in the indices, an index that is compacted, a number that is no safe integer. */
export class WalUsageError extends WalError {
  readonly code = 'wal-usage';
}
