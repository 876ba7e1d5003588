import {
  type AbortReasonCode,
  type BranchResult,
  type Done,
  type Executed,
  encodeMessage,
  type Reason,
  SENT_MESSAGE_BYTES_MAX,
  type Vote,
  WIRE_VERSION,
} from '@concordat/protocol';

/** The results of a branch are larger than a message may be. */
export class ResultsTooLargeError extends Error {
  override readonly name = 'ResultsTooLargeError';
}

/**
 * A yes vote in the form in which it travels. It is made before the branch is prepared: results that cannot be sent
 * must fail the branch while that is still possible.
 */
export function encodeVote(
  participant: string,
  transactionId: string,
  vote: 'prepared' | 'read-only',
  results: readonly BranchResult[] | null,
): string {
  const message: Vote = {
    v: WIRE_VERSION,
    type: 'vote',
    participant,
    transactionId,
    vote,
    results: results && [...results],
    reason: null,
  };
  return withinMessage(encodeMessage(message), 'The results of the operations');
}

function withinMessage(encoded: string, what: string): string {
  if (Buffer.byteLength(encoded) <= SENT_MESSAGE_BYTES_MAX) return encoded;
  throw new ResultsTooLargeError(`${what} would exceed a message of ${SENT_MESSAGE_BYTES_MAX} bytes.`);
}

export function encodeRefusal(participant: string, transactionId: string, reason: Reason): string {
  return encodeMessage({
    v: WIRE_VERSION,
    type: 'vote',
    participant,
    transactionId,
    vote: 'refused',
    results: null,
    reason: signed(reason, participant),
  });
}

const signed = (reason: Reason, participant: string): Reason => ({
  ...reason,
  message: reason.message.slice(0, REASON_MESSAGE_MAX),
  participant,
});

/** The answer to an execute: a result or a reason. Throws `ResultsTooLargeError`. */
export function encodeExecuted(
  participant: string,
  answered: Pick<Executed, 'transactionId' | 'branchId' | 'number' | 'nonce'>,
  outcome: { readonly result: unknown } | { readonly reason: Reason },
): string {
  const message: Executed = {
    v: WIRE_VERSION,
    type: 'executed',
    participant,
    ...answered,
    result: 'result' in outcome ? outcome.result : null,
    reason: 'reason' in outcome ? signed(outcome.reason, participant) : null,
  };
  return withinMessage(encodeMessage(message), 'The result of the operation');
}

export function encodeDone(
  participant: string,
  transactionId: string,
  outcome: Done['outcome'],
  detail: string | null,
): string {
  return encodeMessage({ v: WIRE_VERSION, type: 'done', participant, transactionId, outcome, detail });
}

const REASON_MESSAGE_MAX = 2000;

/** A refusal by the participant itself rather than by an operation; `code` is one of the registered reasons. */
export const ownReason = (
  code: AbortReasonCode | 'isolation-mismatch',
  message: string,
  retryable: boolean,
  branchId?: string,
): Reason => ({ code, message, retryable, ...(branchId === undefined ? {} : { branchId }) });
