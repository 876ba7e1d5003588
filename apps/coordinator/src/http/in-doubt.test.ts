import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectProblem } from '../../test/expect-problem.js';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, startHttp } from '../../test/http-harness.js';
import { inDoubtSchema, operatorActionsSchema, REASON_LENGTH_MAX } from './in-doubt-schemas.js';
import { transactionSchema } from './schemas.js';

describe('what is in doubt, over REST', () => {
  const api = new FakeCoordinator();
  let http: HttpHarness;
  beforeAll(async () => {
    http = await startHttp(api);
  });
  afterAll(() => http.close());

  const resolve = (body: unknown, id = 'a-1-7') => http.call('POST', `/v1/transactions/${id}/resolve`, body);

  it('lists it with age, and what participants say themselves', async () => {
    const answer = await http.call('GET', '/v1/in-doubt?participant=accounts-east&cause=hazard&minAgeMs=0&limit=7');
    expect(answer.status).toBe(200);
    expect(inDoubtSchema.parse(answer.json)).toMatchObject({
      items: [{ transactionId: 'a-1-1', cause: 'hazard', ageMs: 5000, branches: [{ awaits: 'operator' }] }],
      participants: [{ participant: 'accounts-east', preparedCount: 2 }],
    });
    const query = { participant: 'accounts-east', cause: 'hazard', minAgeMs: 0, limit: 7 };
    expect(api.calls.at(-1)).toEqual({ method: 'inDoubt', args: [query] });
    await http.call('GET', '/v1/in-doubt');
    expect(api.calls.at(-1)).toEqual({ method: 'inDoubt', args: [{ minAgeMs: 1000, limit: 50 }] });
  });

  it.each(['limit=0', 'limit=201', 'minAgeMs=-1', 'cause=other', 'participant=%20', 'more=1'])(
    'lists nothing for ?%s',
    async (query) => expectProblem(await http.call('GET', `/v1/in-doubt?${query}`), 'request-invalid'),
  );

  it('resolves in the name of the caller, and says why not', async () => {
    const answer = await resolve({ outcome: 'aborted', reason: 'the disk burnt' });
    expect(answer.status).toBe(200);
    expect(transactionSchema.parse(answer.json)).toMatchObject({ id: 'a-1-7', status: 'aborted' });
    expect(api.calls.at(-1)?.args.slice(0, 2)).toEqual(['a-1-7', { outcome: 'aborted', reason: 'the disk burnt' }]);
    expect(api.calls.at(-1)?.args[2]).toMatchObject({ caller: 'anonymous' });
    expectProblem(await resolve({ outcome: 'committed', reason: 'I wish' }), 'resolve-refused');
    expectProblem(await resolve({ outcome: 'aborted', reason: 'x' }, 'nonsense'), 'transaction-not-found');
  });

  it.each([
    undefined,
    {},
    { outcome: 'aborted' },
    { outcome: 'aborted', reason: '' },
    { outcome: 'aborted', reason: 'a\u0000b' },
    { outcome: 'aborted', reason: 'x'.repeat(REASON_LENGTH_MAX + 1) },
    { outcome: 'lost', reason: 'x' },
    { outcome: 'aborted', reason: 'x', more: 1 },
  ])('resolves nothing for %.60j', async (body) => expectProblem(await resolve(body), 'request-invalid'));

  it('tells what operators did, newest first and page by page, changes of the cluster too', async () => {
    const before = api.operators.trail.length;
    await http.call('POST', '/v1/cluster/transfer', { to: 7 });
    await http.call('POST', '/v1/cluster/members', { address: 'replica-3:9000' });
    await http.call('DELETE', '/v1/cluster/members/7');
    const first = await http.call('GET', '/v1/operator-actions?limit=2');
    const page = operatorActionsSchema.parse(first.json);
    expect(page.items).toMatchObject([
      { action: 'member-remove', target: '7', actor: 'anonymous' },
      { action: 'member-add', target: 'replica-3:9000' },
    ]);
    const next = await http.call('GET', `/v1/operator-actions?limit=200&cursor=${page.nextCursor}`);
    const rest = operatorActionsSchema.parse(next.json);
    expect(rest.items[0]).toMatchObject({ action: 'leadership-transfer', target: '7' });
    expect(rest.items).toHaveLength(before + 1);
    expect(rest.nextCursor).toBeNull();
    expectProblem(await http.call('GET', '/v1/operator-actions?cursor=abc'), 'cursor-invalid');
  });
});
