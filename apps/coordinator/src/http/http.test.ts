import { ConcordatError, ERRORS, type ErrorCode } from '@concordat/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectProblem } from '../../test/expect-problem.js';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, startHttp } from '../../test/http-harness.js';
import type { CallContext } from '../engine/api.js';
import { StartingCoordinator } from '../starting-coordinator.js';
import { participantListSchema, transactionListSchema, transactionSchema } from './schemas.js';

const DEBIT = { participant: 'accounts-east', operation: 'debit', input: { account: 'a', amount: 5 } };
const UNKNOWN_ID = 'mia9xyz1-1-zz';

describe('the REST interface', () => {
  let api: FakeCoordinator;
  let http: HttpHarness;

  beforeAll(async () => {
    api = new FakeCoordinator();
    http = await startHttp(api);
  });
  afterAll(() => http.close());
  beforeEach(() => {
    api.calls.length = 0;
  });

  const begin = async (body: object = {}): Promise<string> => {
    const { json } = await http.call('POST', '/v1/transactions', body);
    return json.id as string;
  };

  describe('transactions', () => {
    it('begins with 201, Location and the whole transaction', async () => {
      const response = await http.call('POST', '/v1/transactions', { label: 'zwölf "12"', branches: [DEBIT] });
      expect(response.status).toBe(201);
      expect(response.headers.get('location')).toBe(`/v1/transactions/${response.json.id}`);
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(transactionSchema.parse(response.json)).toEqual({
        id: response.json.id,
        status: 'active',
        isolation: 'local',
        serializable: false,
        label: 'zwölf "12"',
        csn: null,
        snapshot: null,
        createdAt: '2025-11-21T04:48:20.123Z',
        deadlineAt: '2025-11-21T04:48:50.123Z',
        decidedAt: null,
        completedAt: null,
        outcomeReason: null,
        branches: [
          { id: '1', participant: 'accounts-east', operation: 'debit', status: 'enlisted', result: null, reason: null },
        ],
      });
    });

    it('answers a one-shot with 200 once it is decided', async () => {
      const response = await http.call('POST', '/v1/transactions', {
        commit: true,
        branches: [DEBIT],
        timeoutMs: 5000,
      });
      expect(response.status).toBe(200);
      expect(transactionSchema.parse(response.json)).toMatchObject({
        status: 'committed',
        decidedAt: expect.any(String),
      });
      expect(api.calls).toEqual([
        {
          method: 'begin',
          args: [
            { commit: true, branches: [DEBIT], timeoutMs: 5000 },
            { caller: 'anonymous', reachesAll: true },
          ],
        },
      ]);
    });

    it('answers an abort with 409, the reason, whose it is, and the transaction', async () => {
      const response = await http.call('POST', '/v1/transactions', {
        commit: true,
        branches: [{ ...DEBIT, input: { refuse: true } }],
      });
      const problem = expectProblem(response, 'transaction-aborted');
      expect(problem).toMatchObject({
        retryable: false,
        participant: 'accounts-east',
        reason: { code: 'insufficient-funds', participant: 'accounts-east' },
        transaction: { status: 'aborted', outcomeReason: { code: 'insufficient-funds' } },
        instance: '/v1/transactions',
      });
      expect(problem.transactionId).toBe((problem.transaction as { id: string }).id);
    });

    it('enlists with 201, commits and rolls back with 200', async () => {
      const id = await begin();
      const branch = await http.call('POST', `/v1/transactions/${id}/branches`, DEBIT);
      expect(branch.status).toBe(201);
      expect(branch.json).toEqual({
        id: '1',
        participant: 'accounts-east',
        operation: 'debit',
        status: 'enlisted',
        result: null,
        reason: null,
      });
      const committed = await http.call('POST', `/v1/transactions/${id}/commit`, { wait: 'completed' });
      expect([committed.status, transactionSchema.parse(committed.json).status]).toEqual([200, 'completed']);
      const other = await begin();
      const rolledBack = await http.call('POST', `/v1/transactions/${other}/rollback`);
      expect([rolledBack.status, rolledBack.json.status]).toEqual([200, 'aborted']);
    });

    it('takes a commit without a body, with an empty one and with an empty object alike', async () => {
      for (const body of [undefined, '', '{}']) {
        const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
        const id = await begin();
        const response = await http.raw(`/v1/transactions/${id}/commit`, {
          method: 'POST',
          headers,
          body: body ?? null,
        });
        expect(response.status).toBe(200);
      }
    });

    it('reads one, passing wait and consistency on', async () => {
      const id = await begin();
      const response = await http.call('GET', `/v1/transactions/${id}?wait=decided&consistency=stale`);
      expect(transactionSchema.parse(response.json).id).toBe(id);
      expect(api.calls.at(-1)).toEqual({ method: 'get', args: [id, { wait: 'decided', consistency: 'stale' }] });
    });

    it('lists in pages whose cursor leads on to the end', async () => {
      for (let n = 0; n < 5; n += 1) await begin();
      const all = transactionListSchema.parse((await http.call('GET', '/v1/transactions?limit=200')).json);
      expect(all.nextCursor).toBeNull();
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await http.call('GET', `/v1/transactions?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
        const { items, nextCursor } = transactionListSchema.parse(page.json);
        seen.push(...items.map((item) => item.id));
        cursor = nextCursor;
      } while (cursor !== null);
      expect(seen).toEqual(all.items.map((item) => item.id));
    });

    it('passes filters on', async () => {
      await http.call('GET', '/v1/transactions?status=aborted&participant=inventory&label=x%20y&limit=7');
      expect(api.calls.at(-1)).toEqual({
        method: 'list',
        args: [{ status: 'aborted', participant: 'inventory', label: 'x y', limit: 7 }],
      });
      await http.call('GET', '/v1/transactions?consistency=stale&limit=7');
      expect(api.calls.at(-1)).toEqual({ method: 'list', args: [{ consistency: 'stale', limit: 7 }] });
    });
  });

  describe('idempotency keys', () => {
    const claimOf = async (path: string, body: unknown, key: string) => {
      await http.raw(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return (api.calls.at(-1)?.args.at(-1) as CallContext | undefined)?.claim;
    };

    it('are bound to method, path and meaning of the body', async () => {
      const first = await claimOf('/v1/transactions', '{"label":"a","serializable":false}', 'k 1');
      const same = await claimOf('/v1/transactions', ' {"serializable": false, "label": "a"} ', 'k 1');
      const other = await claimOf('/v1/transactions', '{"label":"b","serializable":false}', 'k 1');
      expect(first).toEqual({ caller: 'anonymous', key: 'k 1', requestHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect(same).toEqual(first);
      expect(other?.requestHash).not.toBe(first?.requestHash);
    });

    it('are honoured on commit and rollback, each its own request', async () => {
      const id = await begin();
      const rollback = await claimOf(`/v1/transactions/${id}/rollback`, {}, 'k');
      const commit = await claimOf(`/v1/transactions/${id}/commit`, {}, 'k');
      expect(rollback?.requestHash).not.toBe(commit?.requestHash);
    });

    it('must be 1 to 255 printable ASCII characters', async () => {
      for (const key of ['', 'é', 'x'.repeat(256)]) {
        const response = await http.call('POST', '/v1/transactions', {}, { 'idempotency-key': key });
        expectProblem(response, 'idempotency-key-invalid');
      }
      expect((await http.call('POST', '/v1/transactions', {}, { 'idempotency-key': 'x'.repeat(255) })).status).toBe(
        201,
      );
    });
  });

  describe('errors of the coordinator', () => {
    it.each(Object.keys(ERRORS) as ErrorCode[])('answers %s with its registered status', async (code) => {
      api.failNext = new ConcordatError(code, 'As asked.', { transactionId: UNKNOWN_ID, status: 1, code: 'no' });
      const response = await http.call('GET', `/v1/transactions/${UNKNOWN_ID}`);
      expect(expectProblem(response, code)).toMatchObject({
        detail: 'As asked.',
        transactionId: UNKNOWN_ID,
        retryable: ERRORS[code].retryable,
      });
      expect(response.headers.get('retry-after')).toBe(ERRORS[code].status === 503 ? '1' : null);
    });

    it('says when to retry, in whole seconds rounded up, and whether', async () => {
      api.failNext = new ConcordatError('overloaded', 'Full.', { retryAfterMs: 1_001 });
      expect((await http.call('POST', '/v1/transactions', {})).headers.get('retry-after')).toBe('2');
      api.failNext = new ConcordatError('transaction-aborted', 'Locked.', { retryable: true });
      expect(expectProblem(await http.call('POST', '/v1/transactions', {}), 'transaction-aborted').retryable).toBe(
        true,
      );
    });

    it('hides what it did not foresee behind internal, with the trace id of the caller', async () => {
      const trace = '0af7651916cd43dd8448eb211c80319c';
      api.failNext = new TypeError('secret detail');
      const response = await http.call('GET', `/v1/transactions/${UNKNOWN_ID}`, undefined, {
        traceparent: `00-${trace}-b7ad6b7169203331-01`,
      });
      expect(expectProblem(response, 'internal').traceId).toBe(trace);
      expect(response.text).not.toContain('secret');
      api.failNext = 'not even an error';
      const other = await http.call('GET', `/v1/transactions/${UNKNOWN_ID}`);
      expect(expectProblem(other, 'internal').traceId).toMatch(/^[0-9a-f]{32}$/);
    });

    it('passes on what the engine refuses at enlistment', async () => {
      const id = await begin();
      const enlist = (more: object) => http.call('POST', `/v1/transactions/${id}/branches`, { ...DEBIT, ...more });
      expect(expectProblem(await enlist({ participant: 'nobody' }), 'participant-unknown').participant).toBe('nobody');
      expectProblem(await enlist({ input: { fail: 'input-invalid' } }), 'input-invalid');
      await http.call('POST', `/v1/transactions/${id}/commit`);
      expectProblem(await enlist({}), 'transaction-not-active');
      expectProblem(await http.call('POST', `/v1/transactions/${id}/rollback`), 'transaction-committed');
    });
  });

  describe('participants, probes and metrics', () => {
    it('lists participants and reads one', async () => {
      const list = await http.call('GET', '/v1/participants');
      expect(participantListSchema.parse(list.json).items).toEqual([
        {
          name: 'accounts-east',
          isolation: 'local',
          health: 'up',
          suspicion: 0.3,
          observers: [{ nodeId: 1, word: 'alive', suspicion: 0.3, ageMs: 0 }],
          instances: 1,
          lastHeartbeatAt: '2025-11-21T04:48:20.123Z',
          lag: 3,
          preparedCount: 2,
          oldestInDoubtMs: 1500,
          operations: [expect.objectContaining({ name: 'debit' })],
        },
      ]);
      const one = await http.call('GET', '/v1/participants/accounts-east');
      expect(one.json).toEqual((list.json.items as unknown[])[0]);
      expectProblem(await http.call('GET', '/v1/participants/nobody'), 'participant-not-found');
      expectProblem(await http.call('GET', '/v1/participants/NOT%20A%20NAME'), 'participant-not-found');
    });

    it('is live at once, started when its state is recovered, and ready while it takes work', async () => {
      const cold = new StartingCoordinator();
      const own = await startHttp(cold);
      cold.waitsFor('waiting for Postgres');
      expect((await own.call('GET', '/health/live')).json).toEqual({ status: 'live', checks: [] });
      for (const path of ['/health/ready', '/health/startup']) {
        const problem = expectProblem(await own.call('GET', path), 'not-ready');
        expect(problem).toMatchObject({ detail: 'Not ready: waiting for Postgres.', checks: [{ ok: false }] });
      }
      const refused = expectProblem(await own.call('POST', '/v1/transactions', {}), 'not-ready');
      expect(refused.detail).toBe('The coordinator is waiting for Postgres.');

      const warm = new FakeCoordinator();
      cold.become(warm);
      expect((await own.call('GET', '/health/ready')).json).toEqual({ status: 'ready', checks: warm.ready.checks });
      expect((await own.call('POST', '/v1/transactions', {})).status).toBe(201);
      warm.ready = { ready: false, checks: [{ name: 'kafka', ok: false, detail: 'kafka: no broker answers' }] };
      expect((await own.call('GET', '/health/startup')).status).toBe(200);
      const problem = expectProblem(await own.call('GET', '/health/ready'), 'not-ready');
      expect(problem.detail).toBe('Not ready: kafka: no broker answers.');
      await own.close();
    });

    it('counts requests by route, never by path', async () => {
      await http.call('GET', `/v1/transactions/${UNKNOWN_ID}`);
      await http.call('GET', '/some/path/nobody/serves');
      const { text, headers } = await http.call('GET', '/metrics');
      expect(headers.get('content-type')).toContain('text/plain');
      expect(text).toContain(
        'concordat_http_request_duration_seconds_count{route="/v1/transactions/:id",method="GET",status="404"}',
      );
      expect(text).toContain('route="unmatched"');
      expect(text).not.toContain(UNKNOWN_ID);
      expect(text).not.toContain('nobody');
    });

    it('serves its documentation from itself', async () => {
      const docs = await http.call('GET', '/docs');
      expect(docs.headers.get('content-type')).toContain('text/html');
      expect(docs.text).not.toMatch(/https?:\/\//);
      for (const [, asset] of docs.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
        expect((await http.call('GET', asset as string)).status).toBe(200);
      }
      expectProblem(await http.call('GET', '/docs/assets/..%2fpackage.json'), 'route-not-found');
      expectProblem(await http.call('GET', '/docs/assets/toString'), 'route-not-found');
      const errors = await http.call('GET', '/docs/errors');
      for (const code of Object.keys(ERRORS)) expect(errors.text).toContain(`id="${code}"`);
    });
  });
});
