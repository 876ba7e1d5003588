import { ConcordatError } from '@concordat/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectProblem } from '../../test/expect-problem.js';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, startHttp } from '../../test/http-harness.js';

const ONE_SHOT = {
  commit: true,
  branches: [{ participant: 'accounts-east', operation: 'debit', input: { account: 'a' } }],
};

describe('begins for which there is no room', () => {
  const api = new FakeCoordinator();
  let http: HttpHarness;
  beforeAll(async () => {
    http = await startHttp(api);
  });
  afterAll(() => http.close());
  beforeEach(() => {
    api.turnedAway = undefined;
    api.calls.length = 0;
  });

  const turnAway = (code: 'overloaded' | 'too-many-requests', retryAfterMs: number, participant?: string) => {
    api.turnedAway = {
      code,
      message: 'Full.',
      ...(participant !== undefined && { participant }),
      promise: () => retryAfterMs,
    };
  };

  it.each(['overloaded', 'too-many-requests'] as const)(
    'are answered %s with whole seconds, rounded up',
    async (code) => {
      turnAway(code, 2_001, 'accounts-east');
      const answer = await http.call('POST', '/v1/transactions', ONE_SHOT);
      expectProblem(answer, code);
      expect(answer.headers.get('retry-after')).toBe('3');
      expect(answer.json).toMatchObject({ retryable: true, participant: 'accounts-east' });
      expect(answer.headers.get('x-concordat-applied-index')).toBe('7');
      expect(api.calls).toEqual([]);
    },
  );

  it('the same, from begin itself', async () => {
    api.failNext = new ConcordatError('too-many-requests', 'Too many.', { retryAfterMs: 1_500 });
    const answer = await http.call('POST', '/v1/transactions', ONE_SHOT);
    expectProblem(answer, 'too-many-requests');
    expect([answer.status, answer.headers.get('retry-after'), answer.json.retryable]).toEqual([429, '2', true]);
  });

  it('leave a connection in order: the next call on it is answered', async () => {
    turnAway('overloaded', 100);
    expect((await http.call('POST', '/v1/transactions', ONE_SHOT)).status).toBe(503);
    api.turnedAway = undefined;
    expect((await http.call('POST', '/v1/transactions', ONE_SHOT)).status).toBe(200);
  });

  it('are refused before their bodies are checked, and everything else goes on', async () => {
    turnAway('overloaded', 100);
    for (const body of [{}, { commit: true, branches: [null, 7, { participant: {} }] }, { branches: 'no' }]) {
      expectProblem(await http.call('POST', '/v1/transactions', body), 'overloaded');
    }
    expect((await http.call('GET', '/v1/transactions')).status).toBe(200);
    expect((await http.call('POST', '/v1/transactions/a-1-1/commit')).status).not.toBe(503);
    expect((await http.call('GET', '/health/live')).status).toBe(200);
  });
});
