import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { refusedByError } from './operation-calls.js';
import { encodeExecuted, encodeVote, ResultsTooLargeError } from './votes.js';

/** What both transports hand to Kafka at once, unless they are told otherwise. */
const TRANSPORT_BYTES_MAX = 900_000;

const resultOf = (bytes: number) => 'x'.repeat(bytes);
const voteOf = (bytes: number) => encodeVote('east', '1-1-1', 'prepared', [{ branchId: '1', result: resultOf(bytes) }]);
const answered = { transactionId: '1-1-1', branchId: '1', number: 1, nonce: 'n' };

describe('a yes vote and an answer', () => {
  it('are refused while that is possible, where the transport would not send them', () => {
    for (const bytes of [TRANSPORT_BYTES_MAX - 1_000, TRANSPORT_BYTES_MAX, 1_000_000]) {
      expect(() => voteOf(bytes)).toThrow(ResultsTooLargeError);
      expect(() => encodeExecuted('east', answered, { result: resultOf(bytes) })).toThrow(ResultsTooLargeError);
    }
    expect(voteOf(800_000).length).toBeLessThan(TRANSPORT_BYTES_MAX);
  });

  it('that are too large lead to a refusal that says so', () => {
    const refused = refusedByError(
      thrownBy(() => voteOf(1_000_000)),
      '1-1-1',
      pino({ level: 'silent' }),
    );
    expect(refused.reason).toMatchObject({ code: 'operation-failed', retryable: false });
    expect(refused.reason.message).toContain('would exceed a message of');
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
