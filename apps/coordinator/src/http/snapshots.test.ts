import { STATUSES_MAX } from '@concordat/protocol';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectProblem } from '../../test/expect-problem.js';
import { ACCOUNTS, FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, startHttp } from '../../test/http-harness.js';
import { branchSchema, SNAPSHOT_TTL_MS_MAX, snapshotSchema, statusesSchema } from './schemas.js';

const BRANCH = { participant: ACCOUNTS.name, operation: 'debit', input: { account: 'a' } };

describe('snapshots over REST', () => {
  const api = new FakeCoordinator();
  let http: HttpHarness;
  beforeAll(async () => {
    http = await startHttp(api);
  });
  afterAll(() => http.close());

  const begin = async (): Promise<string> => (await http.call('POST', '/v1/transactions', {})).json.id as string;
  const methods = () => api.calls.splice(0).map(({ method }) => method);

  it('leases one, reads it and releases it', async () => {
    const leased = await http.call('POST', '/v1/snapshots', { ttlMs: 60_000 });
    expect(leased.status).toBe(201);
    const { id, csn, createdAt, expiresAt } = snapshotSchema.parse(leased.json);
    expect(leased.headers.get('location')).toBe(`/v1/snapshots/${id}`);
    expect(csn).toBe(api.appliedCsn);
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(60_000);
    expect((await http.call('GET', `/v1/snapshots/${id}`)).json).toEqual(leased.json);
    const released = await http.call('DELETE', `/v1/snapshots/${id}`);
    expect([released.status, released.text]).toEqual([204, '']);
    expectProblem(await http.call('DELETE', `/v1/snapshots/${id}`), 'snapshot-not-found');
    expectProblem(await http.call('GET', `/v1/snapshots/${id}`), 'snapshot-not-found');
    expectProblem(await http.call('GET', '/v1/snapshots/..%2f'), 'snapshot-not-found');
  });

  it.each([undefined, {}, { ttlMs: 0 }, { ttlMs: 1.5 }, { ttlMs: SNAPSHOT_TTL_MS_MAX + 1 }, { ttlMs: 1000, more: 1 }])(
    'leases nothing for %j',
    async (body) => {
      expectProblem(await http.call('POST', '/v1/snapshots', body), 'request-invalid');
    },
  );

  it('says what became of transactions, in the order of the question', async () => {
    const ids = [await begin(), await begin(), await begin(), 'a-1-1'];
    await http.call('POST', `/v1/transactions/${ids[0]}/commit`);
    await http.call('POST', `/v1/transactions/${ids[1]}/rollback`);
    const answer = await http.call('POST', '/v1/statuses', { transactionIds: ids, linearizable: false });
    expect(answer.status).toBe(200);
    expect(statusesSchema.parse(answer.json)).toEqual({
      appliedCsn: api.appliedCsn,
      statuses: [
        { status: 'committed', csn: expect.any(Number) },
        { status: 'aborted' },
        { status: 'undecided' },
        { status: 'unknown' },
      ],
    });
    const late = { transactionIds: [], minCsn: api.appliedCsn + 1 };
    const problem = await http.call('POST', '/v1/statuses', late);
    expectProblem(problem, 'snapshot-unavailable');
    expect(Number(problem.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it.each([
    [{}],
    [{ transactionIds: ['x'] }],
    [{ transactionIds: 'a-1-1' }],
    [{ transactionIds: [], minCsn: -1 }],
    [{ transactionIds: [], more: 1 }],
    [{ transactionIds: Array.from({ length: STATUSES_MAX + 1 }, () => 'a-1-1') }],
  ])('answers no question like %.60j', async (body) => {
    expectProblem(await http.call('POST', '/v1/statuses', body), 'request-invalid');
  });

  it('runs an operation at once and answers with its result', async () => {
    const id = await begin();
    const answer = await http.call('POST', `/v1/transactions/${id}/branches?execute=now`, BRANCH);
    expect(answer.status).toBe(201);
    expect(branchSchema.parse(answer.json)).toMatchObject({ status: 'enlisted', result: { ran: 'debit' } });
    const enlisted = await http.call('POST', `/v1/transactions/${id}/branches`, BRANCH);
    expect(enlisted.json).toMatchObject({ id: '2', result: null });
    for (const query of ['execute=later', 'execute', 'execute=now&execute=now', 'run=now']) {
      expectProblem(await http.call('POST', `/v1/transactions/${id}/branches?${query}`, BRANCH), 'request-invalid');
    }
  });

  it('waits for X-Concordat-Min-Csn on every read of transactions and on begin, and nowhere else', async () => {
    const id = await begin();
    const applied = { 'x-concordat-min-csn': String(api.appliedCsn) };
    const tooHigh = { 'x-concordat-min-csn': String(api.appliedCsn + 1) };
    const reads = [
      ['GET', '/v1/transactions'],
      ['GET', `/v1/transactions/${id}`],
      ['GET', `/v1/transactions/${id}?consistency=stale`],
      ['HEAD', `/v1/transactions/${id}/events`],
      ['POST', '/v1/transactions', {}],
    ] as const;
    for (const [method, path, body] of reads) {
      methods();
      expect((await http.call(method, path, body, applied)).status).toBeLessThan(300);
      expect(methods()[0]).toBe('reach');
      const late = await http.call(method, path, body, tooHigh);
      expect(late.status).toBe(503);
      if (method !== 'HEAD') expectProblem(late, 'snapshot-unavailable');
      expect(methods()).toEqual(['reach']);
    }
    await http.call('POST', `/v1/transactions/${id}/commit`, {}, tooHigh);
    expect(methods()).toEqual(['commit']);
  });

  it.each(['', 'x', '-1', '1.5', '1e3', '9007199254740993', ' '.repeat(3)])('refuses %j as a number', async (csn) => {
    const answer = await http.call('GET', '/v1/transactions', undefined, { 'x-concordat-min-csn': csn });
    expectProblem(answer, 'request-invalid');
  });
});
