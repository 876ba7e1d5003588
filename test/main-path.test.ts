import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConcordatClient, type TransactionAbortedError } from '@concordat/client';
import { openTelemetry } from '@concordat/client/opentelemetry';
import { startTelemetry } from '@concordat/telemetry';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { launchApp } from '../scripts/lib/app.mjs';
import { freePort } from '../scripts/lib/ports.mjs';
import { branch, call, oneShot, post, transfer } from './product/api.mjs';
import { preparedCount, query, quiet } from './product/checks.mjs';
import { metricsDocumented, metricsShown } from './product/metrics.mjs';
import { eventually, startProduct } from './product/product.mjs';
import { collectSpans, linesOf, linesOfTransfer, spansOfTransaction } from './product/spans.mjs';

const EAST = 'accounts-east';
const WEST = 'accounts-west';

describe('money moves', () => {
  let product: Awaited<ReturnType<typeof startProduct>>;
  let collector: Awaited<ReturnType<typeof collectSpans>>;
  let url: string;
  const from = { participant: EAST, account: `main-${randomUUID()}` };
  const to = { participant: WEST, account: `main-${randomUUID()}` };

  beforeAll(async () => {
    collector = await collectSpans();
    product = await startProduct({ env: collector.environment });
    url = product.url;
    for (const { participant, account } of [from, to]) {
      const opened = await oneShot(url, [branch(participant, 'open', { account, balance: 100 })], {
        wait: 'completed',
      });
      expect(opened.status).toBe(200);
    }
  }, 400_000);

  afterAll(async () => {
    expect(await product?.stop()).toBe(0);
    await collector?.close();
  }, 60_000);

  const balance = async ({ participant, account }: typeof from): Promise<number> => {
    const run = await product.run();
    const at = run.participants.find(({ name }: { name: string }) => name === participant)?.url;
    return (await call(`${at}/accounts/${account}`)).body.balance;
  };
  const balances = async () => [await balance(from), await balance(to)];
  const move = (amount: number, reference: string = randomUUID()) => transfer({ from, to, amount, reference });

  it('step by step: begin, enlist twice, commit with wait=completed', async () => {
    const begun = await post(`${url}/v1/transactions`, { label: 'step by step' });
    expect(begun.status).toBe(201);
    expect(begun.headers.get('location')).toBe(`/v1/transactions/${begun.body.id}`);
    expect(begun.body).toMatchObject({ status: 'active', isolation: 'global', branches: [], csn: null });
    for (const one of move(10)) {
      const enlisted = await post(`${url}/v1/transactions/${begun.body.id}/branches`, one);
      expect(enlisted.status).toBe(201);
    }
    const committed = await post(`${url}/v1/transactions/${begun.body.id}/commit`, { wait: 'completed' });
    expect(committed.status).toBe(200);
    expect(committed.body).toMatchObject({ status: 'completed', label: 'step by step', outcomeReason: null });
    expect(committed.body.branches.map((one: { status: string }) => one.status)).toEqual(['committed', 'committed']);
    expect(Number.isSafeInteger(committed.body.csn)).toBe(true);
    expect(await balances()).toEqual([90, 110]);
    const read = await call(`${url}/v1/transactions/${begun.body.id}`);
    expect(read.body).toEqual(committed.body);
  });

  it('one-shot: the same in one call', async () => {
    const answer = await oneShot(url, move(10), { wait: 'completed' });
    expect(answer.status).toBe(200);
    expect(await balances()).toEqual([80, 120]);
  });

  it('refuses an overdraft: 409 naming participant and reason, neither balance moved', async () => {
    const answer = await oneShot(url, move(1_000_000));
    expect(answer.status).toBe(409);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({
      code: 'transaction-aborted',
      retryable: false,
      reason: { code: 'insufficient-funds', participant: EAST },
    });
    await quiet(product, 30_000);
    expect(await balances()).toEqual([80, 120]);
    const read = await call(`${url}/v1/transactions/${answer.body.transactionId}`);
    expect(read.body).toMatchObject({ outcomeReason: { code: 'insufficient-funds' } });
  });

  it('rolls back on request; then neither commit nor enlist is possible', async () => {
    const begun = await post(`${url}/v1/transactions`, { branches: move(5) });
    const path = `${url}/v1/transactions/${begun.body.id}`;
    expect((await post(`${path}/rollback`, {})).status).toBe(200);
    const commit = await post(`${path}/commit`, {});
    expect([commit.status, commit.body.code]).toEqual([409, 'transaction-aborted']);
    const enlist = await post(`${path}/branches`, move(5)[0]);
    expect([enlist.status, enlist.body.code]).toEqual([409, 'transaction-not-active']);
    expect((await post(`${path}/rollback`, {})).status).toBe(200);
    expect(await balances()).toEqual([80, 120]);
  });

  it('refuses to roll back what is committed, and to enlist in it', async () => {
    const answer = await oneShot(url, move(1), { wait: 'completed' });
    const path = `${url}/v1/transactions/${answer.body.id}`;
    expect((await post(`${path}/rollback`, {})).body.code).toBe('transaction-committed');
    expect((await post(`${path}/branches`, move(1)[0])).body.code).toBe('transaction-not-active');
    expect((await post(`${path}/commit`, {})).status).toBe(200);
    expect(await balances()).toEqual([79, 121]);
  });

  it('moves money once for a repeated Idempotency-Key, also when the calls overlap', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const branches = move(9);
    const answers = await Promise.all(Array.from({ length: 5 }, () => oneShot(url, branches, {}, key)));
    const again = await oneShot(url, branches, {}, key);
    const ids = new Set([...answers, again].map(({ body }) => body.id));
    expect([...answers, again].map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(ids.size).toBe(1);
    await quiet(product, 30_000);
    expect(await balances()).toEqual([70, 130]);
    const other = await oneShot(url, move(9), {}, key);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency-key-reused']);
  });

  it('answers every one of many commits of the same transaction alike', async () => {
    const begun = await post(`${url}/v1/transactions`, { branches: move(10) });
    const path = `${url}/v1/transactions/${begun.body.id}/commit`;
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(path, { wait: 'completed' })));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(new Set(answers.map(({ body }) => body.csn)).size).toBe(1);
    expect(await balances()).toEqual([60, 140]);
  });

  it('aborts at the deadline what nobody commits, and leaves nothing behind', async () => {
    const begun = await post(`${url}/v1/transactions`, { timeoutMs: 300, branches: move(10) });
    const path = `${url}/v1/transactions/${begun.body.id}`;
    const record = await eventually(async () => {
      const { body } = await call(path);
      return body.outcomeReason && body;
    }, 'the deadline');
    expect(record.outcomeReason.code).toBe('deadline-exceeded');
    expect((await post(`${path}/commit`, {})).body).toMatchObject({ code: 'transaction-aborted', retryable: true });
    expect(await preparedCount(await product.run())).toBe(0);
  });

  it('reads at one participant come back as results, with no second phase', async () => {
    const answer = await oneShot(url, [branch(EAST, 'read', { account: from.account })], { wait: 'completed' });
    expect(answer.body.branches[0]).toMatchObject({ status: 'read-only', result: { balance: 60 } });
  });

  it('runs operations at once, shows them to their own transaction only, and commits them together', async () => {
    const [before = 0] = await balances();
    const begun = await post(`${url}/v1/transactions`, {});
    const at = `${url}/v1/transactions/${begun.body.id}`;
    const executed = await post(`${at}/branches?execute=now`, move(10)[0]);
    expect(executed.body).toMatchObject({ result: { account: from.account, balance: before - 10 } });
    const own = await post(`${at}/branches?execute=now`, branch(EAST, 'read', { account: from.account }));
    expect(own.body.result).toMatchObject({ balance: before - 10 });
    expect((await balances())[0]).toBe(before);
    await post(`${at}/branches`, move(10)[1]);
    const committed = await post(`${at}/commit`, { wait: 'completed' });
    expect(committed.body).toMatchObject({ status: 'completed' });
    expect((await balances())[0]).toBe(before - 10);
  });

  it('lets an idle transaction with executed operations end at its deadline, with nothing left behind', async () => {
    const before = await balances();
    const begun = await post(`${url}/v1/transactions`, { timeoutMs: 500 });
    const executed = await post(`${url}/v1/transactions/${begun.body.id}/branches?execute=now`, move(10)[0]);
    expect(executed.status).toBe(201);
    await quiet(product, 20_000);
    expect(await balances()).toEqual(before);
  });

  it('reads both banks at one leased snapshot, whatever is committed meanwhile', async () => {
    const leased = await post(`${url}/v1/snapshots`, { ttlMs: 30_000 });
    const run = await product.run();
    const totals = async () => {
      const answers = run.participants
        .filter(({ name }: { name: string }) => name !== 'inventory')
        .map((one: { url: string }) => call(`${one.url}/accounts?snapshot=${leased.body.csn}`));
      return (await Promise.all(answers)).map(({ status, body }) => [status, body.snapshot, body.total]);
    };
    const before = await totals();
    expect(before).toEqual([1, 2].map(() => [200, leased.body.csn, expect.any(Number)]));
    await oneShot(url, move(5), { wait: 'completed' });
    expect(await totals()).toEqual(before);
    await call(`${url}/v1/snapshots/${leased.body.id}`, { method: 'DELETE' });
  });

  it('lists newest first, page by page, by status, label and participant', async () => {
    const label = randomUUID();
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift((await oneShot(url, move(1), { label, wait: 'completed' })).body.id);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await call(`${url}/v1/transactions?label=${label}&participant=${WEST}&limit=2${cursor}`);
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor ? `&cursor=${encodeURIComponent(body.nextCursor)}` : '';
    } while (cursor);
    expect(seen).toEqual(ids);
    expect((await call(`${url}/v1/transactions?label=${label}&status=active`)).body.items).toEqual([]);
  });

  it('tells the life of a transaction by server-sent events', async () => {
    const begun = await post(`${url}/v1/transactions`, { branches: move(1) });
    const path = `${url}/v1/transactions/${begun.body.id}`;
    const events = fetch(`${path}/events`).then((response) => response.text());
    await post(`${path}/commit`, { wait: 'completed' });
    const text = await events; // the stream ends with the transaction
    expect(text).toMatch(/"status":"active"[\s\S]*"status":"preparing"[\s\S]*"status":"completed"/);
  });

  it('shows participants as healthy, with the schema of each operation', async () => {
    const { body } = await call(`${url}/v1/participants/${EAST}`);
    expect(body).toMatchObject({ name: EAST, isolation: 'global', health: 'up' });
    expect(body.operations.map(({ name }: { name: string }) => name).sort()).toEqual([
      'append',
      'credit',
      'debit',
      'open',
      'post',
      'read',
    ]);
  });

  it('lists what waits for a vote, lets an operator abort it but not commit it, and keeps a trail of that', async () => {
    const before = await balances();
    const { participants } = await product.run();
    const { pid } = participants.find(({ name }: { name: string }) => name === WEST) as { pid: number };
    const label = randomUUID();
    process.kill(pid, 'SIGSTOP');
    try {
      const answer = oneShot(url, move(1), { label, timeoutMs: 60_000 });
      const { transactionId: id } = await eventually(async () => {
        const { body } = await call(`${url}/v1/in-doubt?minAgeMs=0&cause=voting`);
        return body.items.find((one: { label: string }) => one.label === label);
      }, 'the transaction to be listed');
      const resolve = (outcome: string) =>
        post(`${url}/v1/transactions/${id}/resolve`, { outcome, reason: 'nobody answers' });
      expect(await resolve('committed')).toMatchObject({ status: 409, body: { code: 'resolve-refused' } });
      expect(await resolve('aborted')).toMatchObject({ status: 200, body: { id } });
      expect(await answer).toMatchObject({ status: 409, body: { reason: { code: 'resolved-by-operator' } } });
      const { body } = await call(`${url}/v1/operator-actions?limit=1`);
      expect(body.items).toMatchObject([{ action: 'resolve', outcome: 'aborted', reason: 'nobody answers' }]);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await eventually(async () => (await call(`${url}/v1/in-doubt?minAgeMs=0`)).body.total === 0, 'nothing in doubt');
    expect(await balances()).toEqual(before);
  });

  it('shows the metrics that docs/metrics.md names, with the labels that it names, and no others', async () => {
    const { coordinators, participants } = await product.run();
    const page = await readFile(fileURLToPath(new URL('../docs/metrics.md', import.meta.url)), 'utf8');
    const both = [
      ...coordinators.map(({ url: at }: { url: string }) => ({
        at,
        documented: metricsDocumented(page, 'Coordinator'),
      })),
      ...participants.map(({ url: at }: { url: string }) => ({
        at,
        documented: metricsDocumented(page, 'Participants'),
      })),
    ];
    for (const { at, documented } of both) {
      const shown = await metricsShown(at);
      expect([...shown.keys()].sort()).toEqual([...documented.keys()].sort());
      for (const [name, { type, labels }] of shown) {
        expect({ name, type }).toEqual({ name, type: documented.get(name)?.type });
        const allowed = ['participant', ...(documented.get(name)?.labels ?? [])];
        expect({ name, more: labels.filter((label) => !allowed.includes(label)) }).toEqual({ name, more: [] });
      }
    }
  });

  it('measures each phase, each flush of the log, and how far Kafka has been read', async () => {
    const { coordinators } = await product.run();
    const text = await (await fetch(`${coordinators[0]?.url}/metrics`)).text();
    const seriesNow = (series: string) => Number(text.split(`\n${series} `)[1]?.split('\n')[0]);
    for (const phase of ['prepare', 'decide', 'finalise', 'decision']) {
      expect(seriesNow(`concordat_transaction_phase_duration_seconds_count{phase="${phase}"}`)).toBeGreaterThan(0);
    }
    expect(seriesNow('concordat_log_fsync_duration_seconds_count')).toBeGreaterThan(0);
    expect(seriesNow('concordat_raft_commit_index')).toBeGreaterThan(0);
    expect(seriesNow('concordat_raft_leader_changes_total')).toBeGreaterThan(0);
    expect(seriesNow('concordat_kafka_lag_messages{topic="concordat.replies",partition="0"}')).toBeGreaterThanOrEqual(
      0,
    );
  });

  it('the participant of the guide joins, and its vouchers are spent with what moves elsewhere or not at all', async () => {
    const { postgres, kafka } = await product.run();
    await query(postgres.url, 'CREATE DATABASE vouchers');
    const port = await freePort();
    const vouchers = await launchApp({
      app: '../examples/nest-participant',
      env: {
        ...{ PATH: process.env.PATH, PORT: String(port), KAFKA_BROKERS: kafka.brokers },
        DATABASE_URL: Object.assign(new URL(postgres.url), { pathname: '/vouchers' }).href,
      },
      log: join(product.dataDirectory, 'logs', 'vouchers.log'),
      dataDirectory: product.dataDirectory,
    });
    try {
      await eventually(
        async () => (await call(`${url}/v1/participants/vouchers`)).body.health === 'up',
        'the participant to be known',
      );
      const work = (operation: string, input: object) => branch('vouchers', operation, input);
      const spent = async () => (await call(`http://127.0.0.1:${port}/vouchers/A1`)).body.spentOn;
      const redeem = (order: string) =>
        oneShot(url, [...move(1), work('redeem', { code: 'A1', order })], { wait: 'completed' });
      expect((await oneShot(url, [work('issue', { code: 'A1', cents: 1 })])).status).toBe(200);
      const tooMuch = [...move(1_000), work('redeem', { code: 'A1', order: 'order-0' })];
      expect((await oneShot(url, tooMuch)).body.reason.code).toBe('insufficient-funds');
      expect(await spent()).toBeNull();
      expect((await redeem('order-1')).status).toBe(200);
      expect(await spent()).toBe('order-1');
      const before = await balances();
      expect((await redeem('order-2')).body.reason).toMatchObject({ code: 'voucher-spent', participant: 'vouchers' });
      expect(await balances()).toEqual(before);
    } finally {
      await vouchers.stop();
    }
  }, 120_000);

  describe('with a collector for traces', () => {
    const ERROR = 2;
    const CALL_TRACE = 'c0ffee'.padEnd(32, '0');
    const seen = (id: string) => spansOfTransaction(collector.spans, id);
    let committed: string;
    let aborted: string;

    beforeAll(async () => {
      const options = { environment: collector.environment, logger: console };
      const telemetry = await startTelemetry({ serviceName: 'caller', ...options });
      const client = new ConcordatClient({ urls: [url], tracing: openTelemetry() });
      committed = (await client.run({ branches: branchesOf(1), wait: 'completed' })).id;
      aborted = await client.run({ branches: branchesOf(1_000_000) }).then(
        () => '',
        (error: TransactionAbortedError) => error.transactionId ?? '',
      );
      await telemetry.stop();
    }, 60_000);
    const branchesOf = (amount: number) => move(amount) as Parameters<ConcordatClient['run']>[0]['branches'];

    it('shows a transfer as one trace: the caller, the coordinator with each phase, and both participants', async () => {
      const [from, to] = [
        { participant: EAST, operation: 'debit' },
        { participant: WEST, operation: 'credit' },
      ];
      const expected = linesOfTransfer({ caller: 'caller', from, to });
      const isThere = async () => linesOf(seen(committed)).length >= expected.length;
      await eventually(isThere, 'all spans').catch(() => undefined); // the comparison tells more
      expect(linesOf(seen(committed))).toEqual(expected);
      expect(new Set(seen(committed).map(({ traceId }) => traceId)).size).toBe(1);
      const decide = seen(committed).find(({ name }) => name === 'decide');
      expect(decide?.attributes).toMatchObject({ 'concordat.outcome': 'committed' });
      expect(seen(committed).filter(({ status }) => status.code === ERROR)).toEqual([]);
    }, 90_000);

    it('shows an abort as an error with its reason, in every part that it went through', async () => {
      const failed = () => {
        const errors = seen(aborted).filter(({ status }) => status.code === ERROR);
        const lines = errors.map(({ service, name, attributes }) => `${service}: ${name} ${attributes['error.type']}`);
        return [...new Set(lines)].sort();
      };
      const expected = [
        `${EAST}: operation debit insufficient-funds`,
        `${EAST}: process prepare insufficient-funds`,
        'caller: POST /v1/transactions transaction-aborted',
        'caller: transaction transaction-aborted',
        'concordat-coordinator: decide insufficient-funds',
        `concordat-coordinator: prepare ${EAST} insufficient-funds`,
        'concordat-coordinator: prepare insufficient-funds',
      ].sort();
      await eventually(async () => failed().length >= expected.length, 'all spans').catch(() => undefined);
      expect(failed()).toEqual(expected);
    }, 90_000);

    it('puts the id of the trace, and of the transaction, into the log lines of each service', async () => {
      const [{ traceId } = { traceId: '' }] = seen(aborted);
      const linesAbout = async (name: string, member: string, value: string) => {
        const text = await readFile(`${product.dataDirectory}/logs/${name}.log`, 'utf8');
        const lines = text.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
        return lines.map((line): Record<string, unknown> => JSON.parse(line)).filter((line) => line[member] === value);
      };
      const ofRefusal = await linesAbout(EAST, 'transactionId', aborted);
      expect([...new Set(ofRefusal.map((line) => line.traceId))]).toEqual([traceId]);
      const traceparent = `00-${CALL_TRACE}-${'1'.padEnd(16, '0')}-01`;
      await post(
        `${url}/v1/transactions/${aborted}/resolve`,
        { outcome: 'aborted', reason: 'traced' },
        { traceparent },
      );
      const line = await eventually(
        async () => (await linesAbout('coordinator-1', 'traceId', CALL_TRACE))[0],
        'the line',
      );
      expect(line).toMatchObject({ level: 30, traceId: CALL_TRACE });
    }, 90_000);
  });
});
