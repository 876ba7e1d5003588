import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectProblem } from '../../test/expect-problem.js';
import { FakeAudits } from '../../test/fake-audits.js';
import { FakeCoordinator } from '../../test/fake-coordinator.js';
import { type HttpHarness, LoneCluster, startHttp } from '../../test/http-harness.js';
import type { AuditView, ViolationView } from '../engine/audit-api.js';
import type { ClusterView } from '../engine/cluster-api.js';
import { Liveness } from '../engine/liveness.js';
import { auditListSchema, auditSchema, SETTLE_MS_MAX, VIOLATIONS_LIMIT_MAX } from './audits-schemas.js';

/** Two replicas of one cluster, with node ids 1 and 2. */
class Pair extends LoneCluster {
  urls = ['', ''];
  override leads = false;

  override async view(): Promise<ClusterView> {
    const [one] = (await super.view()).members;
    if (!one) throw new Error('a lone cluster has one member');
    return { leader: 1, term: 3, members: this.urls.map((url, at) => ({ ...one, id: at + 1, nodeId: at + 1, url })) };
  }
}

const violation = (at: number): ViolationView => ({
  transactionId: `abc-1-${at + 1}`,
  verdict: 'mixed',
  kafkaVerdict: 'mixed',
  causes: ['committed-and-rolled-back'],
  participants: [{ name: 'accounts-east', said: ['prepared', 'committed'] }],
  events: [{ outcome: 'committed', csn: 7, restored: false }],
  record: { outcome: 'committed', csn: 7, decidedAtMs: 1_763_700_000_000, restored: false },
});

const completed = (count: number): Partial<AuditView> => ({
  status: 'completed',
  endedAtMs: 1_763_700_001_000,
  progress: { stage: 'done', recordsRead: 9, recordsTotal: 9, partitions: [], bucketsDone: 1, bucketsTotal: 1 },
  window: {
    repliesFromMs: Number.NEGATIVE_INFINITY,
    repliesToMs: 1_763_700_000_000,
    eventsFromMs: 1_763_600_000_000,
    eventsToMs: 1_763_700_000_000,
    settleMs: 5,
  },
  violations: Array.from({ length: count }, (_, at) => violation(at)),
  totals: {
    records: { facts: 9, duplicates: 1, other: 2, unreadable: 3, unverifiable: 4 },
    transactions: 5,
    verdicts: { mixed: count, contradicting: 0, orphaned: 0, incomplete: 1, complete: 2 },
    incomplete: { cut: 1 },
    compared: 3,
    violations: count,
  },
});

describe('audits over REST', () => {
  const cluster = new Pair();
  let audits: FakeAudits;
  let others: FakeAudits;
  let http: HttpHarness;
  let other: HttpHarness;

  beforeAll(async () => {
    audits = new FakeAudits(1);
    others = new FakeAudits(2);
    http = await startHttp(new FakeCoordinator(), cluster, new Liveness(), { audits });
    other = await startHttp(new FakeCoordinator(), cluster, new Liveness(), { audits: others });
    cluster.urls = [http.url, other.url];
  });
  beforeEach(() => {
    for (const one of [audits, others]) {
      one.kept.clear();
      one.requests.length = 0;
    }
  });
  afterAll(async () => {
    await http.close();
    await other.close();
  });

  it('starts one at the replica that is asked, whoever leads, and says where it is', async () => {
    const started = await http.call('POST', '/v1/audits');
    expect(started.status).toBe(202);
    const audit = auditSchema.parse(started.json);
    expect(started.headers.get('location')).toBe(`/v1/audits/${audit.id}`);
    expect(audit).toMatchObject({ status: 'running', nodeId: 1, from: null, to: null, settleMs: 900_000 });
    expect(audit.progress).toMatchObject({ stage: 'map', fraction: 0.35 });
    expect(audits.requests).toEqual([{ fromMs: null, toMs: null, settleMs: 900_000, actor: 'anonymous' }]);
    const second = expectProblem(await http.call('POST', '/v1/audits'), 'audit-running');
    expect(second).toMatchObject({ auditId: audit.id, retryable: true });
  });

  it('takes times with any offset', async () => {
    const body = { from: '2026-11-20T10:00:00Z', to: '2026-11-20T12:30:00+02:00', settleMs: 0 };
    const { json } = await http.call('POST', '/v1/audits', body);
    expect(json).toMatchObject({ from: '2026-11-20T10:00:00.000Z', to: '2026-11-20T10:30:00.000Z', settleMs: 0 });
  });

  it.each([
    [{ from: 'yesterday' }],
    [{ from: 5 }],
    [{ from: '2026-11-20T10:00:00Z', to: '2026-11-20T10:00:00Z' }],
    [{ settleMs: -1 }],
    [{ settleMs: SETTLE_MS_MAX + 1 }],
    [{ since: '2026-11-20T10:00:00Z' }],
    [[]],
  ])('starts none for %j', async (body) => {
    expectProblem(await http.call('POST', '/v1/audits', body), 'request-invalid');
    expect(audits.requests).toEqual([]);
  });

  it('reads one by any replica, with its violations page by page', async () => {
    const { id } = others.make(completed(5));
    const pages: string[][] = [];
    for (let query = '?limit=2'; query !== ''; ) {
      const answer = await http.call('GET', `/v1/audits/${id}${query}`);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
      const audit = auditSchema.parse(answer.json);
      expect(audit).toMatchObject({
        id,
        nodeId: 2,
        violationsTotal: 5,
        incomplete: { running: 0, cut: 1, unfinished: 0 },
      });
      expect(audit.window).toMatchObject({ repliesFrom: null, eventsTo: '2025-11-21T04:40:00.000Z' });
      pages.push(audit.violations.map(({ transactionId }) => transactionId));
      query = audit.nextCursor === null ? '' : `?limit=2&cursor=${audit.nextCursor}`;
    }
    expect(pages).toEqual([['abc-1-1', 'abc-1-2'], ['abc-1-3', 'abc-1-4'], ['abc-1-5']]);
    const own = await other.call('GET', `/v1/audits/${id}`);
    expect((await http.call('GET', `/v1/audits/${id}`)).json).toEqual(own.json);
  });

  it.each(['limit=x', `limit=${VIOLATIONS_LIMIT_MAX + 1}`, 'page=2'])('refuses ?%s', async (query) => {
    const { id } = audits.make();
    expectProblem(await http.call('GET', `/v1/audits/${id}?${query}`), 'request-invalid');
  });

  it('refuses a cursor that it has not given out', async () => {
    const { id } = audits.make();
    for (const cursor of ['x', 'YTE6LTE', 'YTE6MS41']) {
      expectProblem(await http.call('GET', `/v1/audits/${id}?cursor=${cursor}`), 'cursor-invalid');
    }
  });

  it('knows no audit of another form, of another time, or of a replica that is gone', async () => {
    for (const id of ['x', 'a-1-mi1-0000000g', '..%2f..', 'a-1-mi1-00000001', 'a-2-mi1-00000001', 'a-9-mi1-00000001']) {
      for (const path of [id, `${id}/report`]) {
        expectProblem(await http.call('GET', `/v1/audits/${path}`), 'audit-not-found');
      }
    }
  });

  it('says so where the replica that keeps it cannot be asked, and lists what can be', async () => {
    const own = audits.make(completed(0));
    const { id } = others.make(completed(0));
    expect(auditListSchema.parse((await http.call('GET', '/v1/audits')).json)).toMatchObject({
      items: [{ id: expect.anything() }, { id: expect.anything() }],
      unreachable: [],
    });
    const reachable = cluster.urls;
    cluster.urls = [http.url, 'http://127.0.0.1:1'];
    try {
      const problem = await http.call('GET', `/v1/audits/${id}`);
      expect(expectProblem(problem, 'audit-unavailable').retryable).toBe(true);
      expect(Number(problem.headers.get('retry-after'))).toBeGreaterThan(0);
      const list = auditListSchema.parse((await http.call('GET', '/v1/audits')).json);
      expect(list.items.map((one) => one.id)).toEqual([own.id]);
      expect(list.unreachable).toEqual([2]);
    } finally {
      cluster.urls = reachable;
    }
  });

  it('hands nothing on twice', async () => {
    const { id } = others.make();
    const headers = { 'x-concordat-forwarded': '1' };
    expectProblem(await http.call('GET', `/v1/audits/${id}`, undefined, headers), 'audit-unavailable');
  });

  it('shows the report as a page that runs nothing and escapes what strangers wrote', async () => {
    const evil = '<script>alert("x")</script>';
    const found = violation(0);
    const { id } = others.make({
      ...completed(1),
      actor: evil,
      violations: [{ ...found, participants: [{ name: evil, said: ['committed'] }] }],
    });
    const page = await http.call('GET', `/v1/audits/${id}/report`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.text).not.toContain('<script');
    expect(page.text).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;: committed');
    expect(page.text).toContain('1 of 5 transactions are violations');
    expect(page.text).not.toMatch(/(src|href)=/);
    const clean = audits.make(completed(0));
    expect((await http.call('GET', `/v1/audits/${clean.id}/report`)).text).toContain('none ended mixed');
    const running = audits.make();
    expect((await http.call('GET', `/v1/audits/${running.id}/report`)).text).toContain('Running: 35 %');
    const failed = audits.make({ status: 'failed', failure: evil });
    expect((await http.call('GET', `/v1/audits/${failed.id}/report`)).text).toContain('It failed: &lt;script&gt;');
  });
});
