const CODE_PATTERN = /^[a-z][a-z0-9-]{0,99}$/;

/**
 * Thrown by an operation to vote no with a reason of its own, such as `insufficient-funds`. The code and the message
 * reach the caller of the transaction; `retryable` says whether a new transaction with the same work may succeed.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly retryable: boolean;

  constructor(
    readonly code: string,
    message: string,
    { retryable = false, cause }: { retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause });
    if (!CODE_PATTERN.test(code)) {
      throw new TypeError(
        `"${code}" is no reason code: use lower-case letters, digits and hyphens, as in out-of-stock`,
      );
    }
    this.retryable = retryable;
  }
}
