import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ABORTED,
  AUDIT,
  CALLER,
  CLUSTER,
  IN_DOUBT,
  LOCK,
  PARTICIPANT,
  TIMELINE,
  TRANSACTION,
} from '../test/examples.js';
import { run } from '../test/run-concordat.js';
import { problem, StubCoordinator } from '../test/stub-coordinator.js';

describe('commands that call a coordinator', () => {
  let stub: StubCoordinator;
  let directory: string;

  beforeEach(async () => {
    stub = new StubCoordinator();
    await stub.start();
    directory = await mkdtemp(join(tmpdir(), 'concordat-cli-'));
    stub.on('GET /health/ready', { body: { status: 'ready', checks: [] } });
    stub.on('GET /v1/caller', { body: CALLER });
    stub.on('GET /v1/cluster', { body: CLUSTER });
    stub.on('GET /v1/participants', { body: { items: [PARTICIPANT], nextCursor: null } });
    stub.on('GET /v1/in-doubt', { body: IN_DOUBT });
    stub.on('GET /v1/transactions', { body: { items: [TRANSACTION, ABORTED], nextCursor: 'next' } });
    stub.on('GET /v1/transactions/a-1-5', { body: TRANSACTION });
  });
  afterEach(async () => {
    await stub.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const cli = (...words: string[]) => run(words, { CONCORDAT_URL: stub.url, DATA_DIR: directory });
  const json = async (...words: string[]) => JSON.parse((await cli(...words, '--json')).out);
  const calls = () => stub.asked.map(({ call }) => call);

  it('status: replicas, leader, participants, what is in doubt, who calls', async () => {
    const { code, out } = await cli('status');
    expect(code).toBe(0);
    expect(out).toMatch(/REPLICA +STATE +FAILING\nhttp:\S+ +ready +–\n/);
    expect(out).toMatch(
      /leader +node 1 at http:\/\/a:8080, term 3\n[\s\S]*1 up, 0 down[\s\S]*in doubt +3\ncaller +ops/,
    );
    expect(await json('status')).toMatchObject({ leader: 1, participants: { up: 1 }, inDoubt: 3, caller: 'ops' });
  });

  it('status: leaves out what the caller may not see, and fails where no replica is ready', async () => {
    stub.on('GET /v1/cluster', problem({ code: 'forbidden', status: 403, title: 'No', detail: 'For operators.' }));
    expect((await cli('status')).out).toContain('(not for this caller)');
    expect(await json('status')).toMatchObject({ leader: null, inDoubt: 3 });
    const failing = [{ name: 'kafka', ok: false, detail: 'away' }];
    stub.on('GET /health/ready', problem({ code: 'not-ready', status: 503, title: 'x', detail: 'x', checks: failing }));
    const { code, err } = await cli('status');
    expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining('not ready; kafka: away') });
  });

  it('finds the coordinators that npm start runs here', async () => {
    await writeFile(join(directory, 'run.json'), JSON.stringify({ coordinators: [{ id: 1, url: stub.url }] }));
    expect((await run(['participants'], { DATA_DIR: directory })).code).toBe(0);
    const { code, err } = await run(['participants'], { DATA_DIR: join(directory, 'none') });
    expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining('CONCORDAT_URL') });
  });

  it('shows the API key of a file, and never on the way', async () => {
    const file = join(directory, 'key');
    await writeFile(file, 'concordat_ops_secret\n');
    const { out, err } = await run(['locks', '--url', stub.url, '--api-key-file', file]);
    await run(['participants', '--url', stub.url], { CONCORDAT_API_KEY_FILE: file });
    expect(stub.asked.map(({ authorization }) => authorization)).toEqual(
      Array.from({ length: 2 }, () => 'Bearer concordat_ops_secret'),
    );
    expect(out + err).not.toContain('secret');
  });

  it('transactions list: filtered, as a table that obeys nobody, and as it came', async () => {
    const { out } = await cli('transactions', 'list', '--status', 'completed', '--label', 'a b', '--limit', '2');
    expect(calls()).toEqual(['GET /v1/transactions?status=completed&label=a+b&limit=2']);
    expect(out).toMatch(/a-1-5 +completed +committed +2026-11-21 10:00:00Z +east, west +– +rent\ufffd\[31m\n/);
    expect(out).toMatch(/a-1-4 +aborted +aborted .*insufficient-funds/);
    expect(out).toContain('more with --cursor next');
    expect(await json('transactions', 'list')).toEqual({ items: [TRANSACTION, ABORTED], nextCursor: 'next' });
  });

  it('transactions show: fields, branches, steps; also where nobody remembers steps', async () => {
    expect((await cli('transactions', 'show', 'a-1-5')).out).not.toContain('AFTER');
    stub.on('GET /v1/transactions/a-1-5/timeline', { body: TIMELINE });
    const { out } = await cli('transactions', 'show', 'a-1-5');
    expect(out).toMatch(/decided +2026-11-21 10:00:00Z \(\+12 ms\)\ncompleted .*\(\+1.5 s\)/);
    expect(out).toMatch(/b-1 +east +debit +committed +\{"balance":3\}/);
    expect(out).toMatch(/4.25 ms +vote +east +prepared/);
    expect(await json('transactions', 'show', 'a-1-5')).toEqual(TRANSACTION);
  });

  it('transactions watch: one line for each state, to the end', async () => {
    const states = [{ ...TRANSACTION, status: 'preparing', decidedAt: null, completedAt: null }, TRANSACTION];
    stub.on('GET /v1/transactions/a-1-5/events', { events: states });
    const { code, out } = await cli('transactions', 'watch', 'a-1-5', '--json');
    expect({
      code,
      states: out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    }).toEqual({ code: 0, states });
    expect((await cli('transactions', 'watch', 'a-1-5')).out).toMatch(/^preparing .*\ncompleted \(committed\) /);
  });

  it('transactions commit and rollback: again after a lost answer, since that does no harm', async () => {
    stub.on('POST /v1/transactions/a-1-5/commit', { breaks: true }, { body: TRANSACTION });
    expect((await cli('transactions', 'commit', 'a-1-5', '--wait', 'completed')).code).toBe(0);
    expect(stub.asked.map(({ body }) => body)).toEqual([{ wait: 'completed' }, { wait: 'completed' }]);
    stub.on('POST /v1/transactions/a-1-5/rollback', { body: ABORTED });
    expect(await json('transactions', 'rollback', 'a-1-5')).toEqual(ABORTED);
  });

  it('ends with 6, and says where to look, where nobody knows whether a commit happened', async () => {
    stub.on('POST /v1/transactions/a-1-5/commit', { breaks: true });
    const { code, err } = await cli('transactions', 'commit', 'a-1-5', '--timeout', '1');
    expect({ code, err }).toEqual({ code: 6, err: expect.stringContaining('concordat transactions show a-1-5') });
    const unknown = { code: 'outcome-unknown', status: 504, title: 'x', detail: 'Nobody knows.' } as const;
    stub.on('POST /v1/transactions/a-1-5/commit', problem(unknown));
    expect((await cli('transactions', 'commit', 'a-1-5', '--timeout', '1')).code).toBe(6);
    // A refusal after a lost attempt says nothing about that attempt, unless it names the outcome.
    const gone = problem({ code: 'transaction-gone', status: 410, title: 'x', detail: 'x' });
    stub.on('POST /v1/transactions/a-1-5/commit', { breaks: true }, gone);
    expect((await cli('transactions', 'commit', 'a-1-5')).code).toBe(6);
  });

  it('shows a refusal with title, detail, reason, code, advice and the next command, and ends with 5', async () => {
    const reason = { code: 'insufficient-funds', message: 'Too little.', retryable: false, participant: 'east' };
    const refused = {
      code: 'transaction-aborted',
      status: 409,
      title: 'The transaction was aborted',
      detail: 'Refused.\u001b[2J',
      reason,
      transactionId: 'a-1-5',
      traceId: 'abc',
    } as const;
    stub.on('POST /v1/transactions/a-1-5/commit', problem(refused));
    const { code, err } = await cli('transactions', 'commit', 'a-1-5');
    expect({ code, err }).toEqual({ code: 5, err: expect.stringMatching(/^The transaction was aborted: Refused/) });
    expect(err).toContain('code transaction-aborted, HTTP 409, trace abc');
    expect(err).not.toContain('\u001b');
    const told = JSON.parse((await cli('transactions', 'commit', 'a-1-5', '--json')).err).error;
    expect(told).toMatchObject({ exit: 'refused', code: 'transaction-aborted', status: 409, problem: { reason } });

    stub.on(
      'GET /v1/transactions/x',
      problem({ code: 'transaction-not-found', status: 404, title: 'No', detail: 'x' }),
    );
    expect((await cli('transactions', 'show', 'x')).err).toMatch(/Check the id.*Next: concordat transactions list$/);
  });

  it('tries every replica, and ends with 3 where none can answer', async () => {
    const busy = problem({ code: 'overloaded', status: 503, title: 'Too much', detail: 'Later.' });
    stub.on('POST /v1/cluster/transfer', busy, { body: CLUSTER });
    const gone = new StubCoordinator();
    await gone.start();
    await gone.stop();
    const both = `${gone.url},${stub.url}`;
    expect((await run(['cluster', 'transfer', '--url', both])).code).toBe(0);
    stub.on('GET /v1/locks', busy);
    const { code, err } = await cli('locks', '--timeout', '1');
    expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining('Too much: Later.') });
    stub.on('GET /v1/locks', { status: 302, body: {} });
    expect((await cli('locks')).err).toContain('not of Concordat');
  });

  it('transactions resolve and cluster remove: nothing without --yes where nobody can be asked', async () => {
    stub.on('POST /v1/transactions/a-1-5/resolve', { body: TRANSACTION });
    stub.on('DELETE /v1/cluster/members/72', { body: CLUSTER });
    const resolve = ['transactions', 'resolve', 'a-1-5', '--outcome', 'committed', '--reason', 'it burnt'];
    for (const words of [resolve, ['cluster', 'remove', '72']]) {
      const { code, err } = await cli(...words);
      expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('--yes') });
    }
    expect(calls().every((call) => call.startsWith('GET '))).toBe(true);
    expect((await cli(...resolve, '--yes')).code).toBe(0);
    expect(stub.asked.at(-1)?.body).toEqual({ outcome: 'committed', reason: 'it burnt' });
    expect((await cli('cluster', 'remove', '72', '--yes')).code).toBe(0);
    expect(calls().at(-1)).toBe('DELETE /v1/cluster/members/72');
  });

  it('cluster: members, transfer, add; a change whose answer is lost is not made again', async () => {
    expect((await cli('cluster', 'members', '--stale')).out).toMatch(
      /71 +1 +leader .*\n *72 +2 +follower .* – +9.50\n\nterm 3, led by node 1/,
    );
    expect(calls()).toEqual(['GET /v1/cluster?consistency=stale']);
    stub.on('POST /v1/cluster/members', { breaks: true });
    expect((await cli('cluster', 'add', 'c:7000')).code).toBe(6);
    expect(stub.asked.slice(1)).toMatchObject([{ call: 'POST /v1/cluster/members', body: { address: 'c:7000' } }]);
    stub.on('POST /v1/cluster/transfer', { body: CLUSTER });
    expect(await json('cluster', 'transfer', '--to', '72')).toEqual(CLUSTER);
    expect(stub.asked.at(-1)?.body).toEqual({ to: 72 });
  });

  it('participants, locks and in-doubt: tables, one alone, and as they came', async () => {
    expect((await cli('participants')).out).toMatch(/east +up +0.25 +global +1 +2 +1 +1.5 s +3\n/);
    stub.on('GET /v1/participants/east', { body: PARTICIPANT });
    expect((await cli('participants', 'east')).out).toMatch(/debit +writes +account\n/);
    expect(await json('participants')).toEqual({ items: [PARTICIPANT] });

    stub.on('GET /v1/locks', { body: { items: [LOCK], nextCursor: null } });
    expect((await cli('locks', '--prefix', 'orders:')).out).toMatch(/orders:42 +exclusive +host-1 +77 .* 12 s +– +2\n/);
    stub.on('GET /v1/locks/free%3A1', { body: { ...LOCK, mode: null, holders: [], waiting: 0 } });
    expect((await cli('locks', 'free:1')).out).toBe('Nobody holds it, 0 wait.\n');

    const { out } = await cli('in-doubt', '--cause', 'participant-down', '--min-age-ms', '0');
    expect(calls().at(-1)).toBe('GET /v1/in-doubt?cause=participant-down&minAgeMs=0');
    expect(out).toMatch(/a-1-9 +participant-down +committed +1.1 min +done of east \(down\)/);
    expect(out).toContain('the first 1 of 3');
    expect(await json('in-doubt')).toEqual(IN_DOUBT);
  });

  it('audit: waits for the end, and ends with 7 where there are violations', async () => {
    const running = { ...AUDIT, status: 'running', endedAt: null };
    const path = `GET /v1/audits/${AUDIT.id}`;
    stub.on('POST /v1/audits', { status: 202, body: running });
    stub.on(path, { body: running }, { body: AUDIT });
    expect((await cli('audit', '--from', '2026-11-21', '--settle-ms', '0')).out).toMatch(/violations +0/);
    expect(stub.asked[0]?.body).toEqual({ from: '2026-11-21T00:00:00.000Z', settleMs: 0 });
    const violation = {
      transactionId: 'a-1-7',
      verdict: 'mixed',
      kafkaVerdict: 'mixed',
      causes: ['east-committed'],
      participants: [{ name: 'east', said: ['committed'] }],
      events: [],
      record: null,
    } as const;
    stub.on(path, { body: { ...AUDIT, violationsTotal: 1, violations: [violation] } });
    const { code, out, err } = await cli('audit');
    expect({ code, err }).toEqual({ code: 7, err: expect.stringContaining('found 1 violation.') });
    expect(out).toMatch(/a-1-7 +mixed +east-committed +east committed/);
    expect((await cli('audit', 'show', AUDIT.id)).code).toBe(0);
    expect(await json('audit', '--no-wait')).toMatchObject({ id: AUDIT.id, status: 'running' });
    stub.on('GET /v1/audits', { body: { items: [AUDIT], nextCursor: null, unreachable: [3] } });
    expect((await cli('audit', 'list')).out).toContain('nodes 3');
  });

  it('bench: rate and latencies of what was committed, with other ends by their codes', async () => {
    const aborted = problem({
      code: 'transaction-aborted',
      status: 409,
      title: 'x',
      detail: 'x',
      reason: { code: 'insufficient-funds', message: 'x', retryable: false },
    });
    const done = { status: 200, body: TRANSACTION };
    stub.on('POST /v1/transactions', done, done, done, aborted, done);
    const told = await json('bench', '--seconds', '1', '--clients', '2');
    expect(told).toMatchObject({ clients: 2, endedOtherwise: { 'insufficient-funds': 1 } });
    const transactions = stub.asked.filter(({ call }) => call === 'POST /v1/transactions');
    expect(told.committed).toBe(transactions.length - 2 - 1);
    expect(told.ratePerSecond).toBeCloseTo(told.committed / told.seconds);
    const { p50, p90, p99, max } = told.latencyMs;
    expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].toSorted((a, b) => a - b));
    expect(transactions[0]?.body).toMatchObject({ branches: [{ operation: 'open' }, { operation: 'open' }] });
  });

  it('bench: makes what a file says, with an id of its own in each', async () => {
    const file = join(directory, 'branches.json');
    await writeFile(file, JSON.stringify([{ participant: 'orders', operation: 'book', input: { id: 'o-{{id}}' } }]));
    stub.on('POST /v1/transactions', problem({ code: 'participant-unknown', status: 422, title: 'x', detail: 'x' }));
    const { code, err } = await cli('bench', '--seconds', '1', '--clients', '1', '--branches', file);
    expect({ code, err }).toEqual({ code: 5, err: expect.stringContaining('participant-unknown') });
    const ids = stub.asked.map(({ body }) => (body as { branches: { input: { id: string } }[] }).branches[0]?.input.id);
    expect(new Set(ids).size).toBe(stub.asked.length);
    await writeFile(file, '[]');
    expect((await cli('bench', '--branches', file)).code).toBe(2);
  });
});
