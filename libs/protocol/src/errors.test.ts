import { describe, expect, it } from '@jest/globals';
import { assertNever } from './assert-never.js';
import { ConcordatError, ERRORS, type ErrorCode } from './errors.js';
import { ABORT_REASONS, reasonSchema } from './reason.js';
import { COORDINATOR_DEAD_LETTERS_TOPIC, commandsTopic, deadLettersTopic, participantTopics } from './topics.js';

describe('the registry of error codes', () => {
  it('keeps every code with its status and its word on retries', () => {
    const registry = Object.entries(ERRORS).map(
      ([code, { status, retryable }]) => `${status} ${code}${retryable ? ' retry' : ''}`,
    );
    expect(registry).toEqual([
      '400 request-invalid',
      '400 idempotency-key-invalid',
      '400 cursor-invalid',
      '401 unauthenticated',
      '403 forbidden',
      '404 route-not-found',
      '404 transaction-not-found',
      '404 participant-not-found',
      '404 snapshot-not-found',
      '404 lock-session-not-found',
      '404 audit-not-found',
      '405 method-not-allowed',
      '408 request-timeout retry',
      '409 transaction-aborted',
      '409 transaction-committed',
      '409 transaction-not-active',
      '409 operation-running retry',
      '409 audit-running retry',
      '409 transaction-empty',
      '409 lock-held retry',
      '409 lock-not-held',
      '410 transaction-gone',
      '410 snapshot-too-old',
      '409 resolve-refused',
      '409 membership-refused',
      '413 body-too-large',
      '414 url-too-long',
      '415 unsupported-media-type',
      '422 participant-unknown',
      '422 operation-unknown',
      '422 input-invalid',
      '422 isolation-mismatch',
      '422 idempotency-key-reused',
      '422 too-many-snapshots',
      '422 too-many-locks',
      '422 too-many-branches',
      '431 headers-too-large',
      '429 too-many-requests retry',
      '500 internal retry',
      '503 overloaded retry',
      '503 identity-unavailable retry',
      '503 participant-unavailable retry',
      '503 kafka-unavailable retry',
      '503 postgres-unavailable retry',
      '503 persistence-backlog-full retry',
      '503 snapshot-unavailable retry',
      '503 not-ready retry',
      '503 audit-unavailable retry',
      '503 stopping retry',
      '504 outcome-unknown',
    ]);
  });

  it('says what happened and what to do, in a sentence each', () => {
    for (const { title, advice } of Object.values(ERRORS)) {
      expect(title).toMatch(/^[A-Z].*[^.]$/);
      expect(advice).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('D8: an unknown outcome is never an invitation to begin anew', () => {
    expect(ERRORS['outcome-unknown']).toMatchObject({ retryable: false });
    expect(ERRORS['outcome-unknown'].advice).toContain('never begin a new one');
  });

  it('an error knows whether a retry makes sense, better than its code where it was told', () => {
    expect(new ConcordatError('overloaded', 'full').retryable).toBe(true);
    expect(new ConcordatError('transaction-aborted', 'no').retryable).toBe(false);
    const cause = new Error('cause');
    const told = new ConcordatError(
      'transaction-aborted',
      'no',
      { retryable: true, transactionId: '1-1-1' },
      { cause },
    );
    expect([told.retryable, told.cause, told.details.transactionId]).toEqual([true, cause, '1-1-1']);
    expect(Object.keys(ERRORS) as ErrorCode[]).toContain(told.code);
  });
});

describe('reasons and topics', () => {
  it('every reason of our own fits the schema of reasons', () => {
    for (const [code, message] of Object.entries(ABORT_REASONS)) {
      expect(reasonSchema.safeParse({ code, message, retryable: true }).success).toBe(true);
    }
  });

  it('no participant can have the coordinator’s dead letters', () => {
    expect(COORDINATOR_DEAD_LETTERS_TOPIC.startsWith(deadLettersTopic('_'))).toBe(true);
    expect(participantTopics('east').map(({ name }) => name)).toEqual([
      commandsTopic('east'),
      deadLettersTopic('east'),
    ]);
  });

  it('a case that no switch handles is named', () => {
    expect(() => assertNever('odd' as never)).toThrow('unreachable: "odd"');
  });
});
