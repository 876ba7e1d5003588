/** Why a transport could not do what it was asked. */
export type TransportErrorCode =
  /** The bound on messages or bytes waiting to be sent is reached: slow down, try later. */
  | 'transport-overloaded'
  /** The broker could not be reached, or did not answer, within the time allowed. The message may have been stored. */
  | 'transport-unavailable'
  /** The topic does not exist. */
  | 'transport-topic-unknown'
  /** The broker will never take this message, because of its size for example. */
  | 'transport-message-rejected'
  /** We and the broker do not believe each other: a wrong password or certificate, or an ACL that forbids it. */
  | 'transport-unauthorized'
  /** The transport was closed. */
  | 'transport-closed';

const retryableCodes: ReadonlySet<TransportErrorCode> = new Set(['transport-overloaded', 'transport-unavailable']);

/** A failure of the transport, with a stable code. `retryable` says whether the same call may succeed later. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly retryable: boolean;

  constructor(
    readonly code: TransportErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.retryable = retryableCodes.has(code);
  }
}
