import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLUSTER_TOPICS, REPLIES_TOPIC } from '@concordat/protocol';
import type { TransactionRecord } from '@concordat/transaction';
import { createTransport, type Transport } from '@concordat/transport';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditHistory, csnOf, INCARNATION, idOf } from '../../test/audit-history.js';
import { createOwnDatabase, type OwnDatabase } from '../../test/own-database.js';
import type { AuditView } from '../engine/audit-api.js';
import { PostgresStore } from '../postgres/postgres-store.js';
import { Audits } from './audits.js';

type StartKafka = (options: {
  directory: string;
  heapMb: number;
}) => Promise<{ brokers: string; stop(): Promise<void> }>;

const HONEST = 200;
/** Sequences of what is planted, and of a transaction that has not ended. */
const MIXED = 1001;
const COMMITTED_AFTER_ABORT = 1002;
const TWO_OUTCOMES = 1003;
const HAZARD = 1004;
const PREPARED_ORPHAN = 1005;
const COMMITTED_ORPHAN = 1006;
const RUNNING = 1007;
const APPLIED_INDEX = 77;
/** Audits that a replica keeps here. */
const KEPT = 3;

const REQUEST = { fromMs: null, toMs: null, settleMs: 0, actor: 'tester' };
const PAGE = { limit: 100, offset: 0 };
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe('audits of what is on Kafka', () => {
  let directory: string;
  let kafka: Awaited<ReturnType<StartKafka>>;
  let transport: Transport;
  let database: OwnDatabase;
  /** After the honest history, before what was planted, Unix ms. */
  let betweenMs = 0;
  const open: Audits[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'concordat-audits-'));
    // A broker of our own: an audit reads everything there is.
    const launcher = new URL('../../../../scripts/lib/kafka.mjs', import.meta.url).href;
    const { startKafka } = (await import(launcher)) as { startKafka: StartKafka };
    kafka = await startKafka({ directory: join(directory, 'kafka'), heapMb: 256 });
    transport = createTransport({ brokers: [kafka.brokers], clientId: 'audits' });
    await transport.connect();
    await transport.ensureTopics(CLUSTER_TOPICS.map(({ name, partitions }) => ({ name, partitions })));
    betweenMs = await writeHistory(new AuditHistory(transport));
    await transport.send({ topic: REPLIES_TOPIC, key: 'nobody', value: 'not JSON' });
    database = await createOwnDatabase('audits');
    await storeRecords(database.url);
  }, 120_000);
  afterEach(async () => {
    await Promise.all(open.splice(0).map((audits) => audits.close()));
    for (const name of ['die', 'stall']) await rm(join(directory, name), { force: true });
  });
  afterAll(async () => {
    await transport?.close();
    await database?.drop();
    await kafka?.stop();
    await rm(directory, { recursive: true, force: true });
  }, 60_000);

  function auditsOf({ databaseUrl, fragile = false }: { databaseUrl?: string; fragile?: boolean } = {}): Audits {
    const worker = fragile ? '../../test/fragile-audit-worker.mjs' : '../../dist/audit-worker.js';
    const audits = new Audits(
      join(directory, 'audits'),
      3,
      {
        brokers: [kafka.brokers],
        clientId: 'audit',
        databaseUrl,
        workers: 2,
        workerFile: new URL(worker, import.meta.url),
        confirmApplied: async () => APPLIED_INDEX,
        logger: silent,
      },
      KEPT,
    );
    open.push(audits);
    return audits;
  }

  async function ended(audits: Audits, id: string): Promise<AuditView> {
    for (;;) {
      const view = await audits.read(id, PAGE);
      if (view.status !== 'running') return view;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  const told = ({ violations }: AuditView) => violations.map((one) => [one.transactionId, one.verdict, one.causes]);
  /** All that must be the same however often it was interrupted. */
  const findings = ({ totals, violations }: AuditView) => ({ totals, violations });

  const PLANTED = [
    [idOf(MIXED), 'mixed', ['committed-and-rolled-back', 'rolled-back-after-commit']],
    [idOf(COMMITTED_AFTER_ABORT), 'contradicting', ['committed-after-abort']],
    [idOf(TWO_OUTCOMES), 'contradicting', ['two-outcomes', 'committed-after-abort']],
    [idOf(HAZARD), 'contradicting', ['hazard']],
    [idOf(PREPARED_ORPHAN), 'orphaned', ['prepared-undecided']],
    [idOf(COMMITTED_ORPHAN), 'orphaned', ['committed-undecided']],
  ];

  it('find exactly what was planted, by Kafka alone', async () => {
    const audits = auditsOf();
    await audits.open();
    const { id } = await audits.start(REQUEST);
    expect(id).toMatch(/^a-3-/);
    const view = await ended(audits, id);
    expect(view.failure).toBeNull();
    expect(told(view)).toEqual(PLANTED);
    expect(view).toMatchObject({
      status: 'completed',
      notCompared: 'no records were given to compare with',
      next: null,
    });
    expect(view.totals).toMatchObject({
      transactions: HONEST + 7,
      verdicts: { mixed: 1, contradicting: 3, orphaned: 2, incomplete: 1, complete: HONEST },
      incomplete: { unfinished: 1 },
      compared: 0,
      violations: 6,
    });
    const { facts, duplicates, other, unreadable, unverifiable } = view.totals.records;
    expect([other, unreadable, unverifiable]).toEqual([0, 1, 0]);
    expect(duplicates).toBe((HONEST / 2 + 1) * 5);
    expect(facts + duplicates + unreadable).toBe(view.progress.recordsTotal);
    expect(view.progress).toMatchObject({ stage: 'done', recordsRead: view.progress.recordsTotal });
    expect(view.progress.partitions).toHaveLength(8);
  });

  it('compare with the records, which tell more', async () => {
    const audits = auditsOf({ databaseUrl: database.url });
    await audits.open();
    const view = await ended(audits, (await audits.start(REQUEST)).id);
    expect([view.notCompared, view.failure]).toEqual([null, null]);
    const byId = new Map(view.violations.map((one) => [one.transactionId, one]));
    // The records say: number 1 was aborted, of number 2 there is none; both are complete by Kafka alone.
    expect(byId.get(idOf(1))).toMatchObject({ verdict: 'contradicting', kafkaVerdict: 'complete' });
    expect(byId.get(idOf(1))?.causes).toEqual(['record-outcome', 'committed-after-abort']);
    expect(byId.get(idOf(2))).toMatchObject({ causes: ['record-missing'], record: null });
    expect(byId.get(idOf(COMMITTED_ORPHAN))).toMatchObject({ verdict: 'orphaned', record: null });
    // The coordinator knows that it is undecided: no orphan.
    expect(byId.has(idOf(PREPARED_ORPHAN))).toBe(false);
    expect(view.totals).toMatchObject({ violations: 7, compared: view.totals.transactions });
  });

  it('begin and end where they are told to', async () => {
    const audits = auditsOf();
    await audits.open();
    // Between the honest history and what was planted: everything planted, but what was committed long before.
    const late = await ended(audits, (await audits.start({ ...REQUEST, fromMs: betweenMs })).id);
    expect(late.totals.records.facts + late.totals.records.duplicates).toBeLessThan(late.progress.recordsTotal);
    // The events reach back further: those of the honest half are there, their DONEs are cut, and nothing is a violation.
    expect(told(late)).toEqual(PLANTED);
    expect(late.totals.incomplete.cut).toBeGreaterThan(0);
    expect(late.window?.repliesFromMs).toBe(betweenMs);
    const early = await ended(audits, (await audits.start({ ...REQUEST, toMs: betweenMs })).id);
    expect(early.violations.map(({ causes }) => causes)).toEqual([['two-outcomes']]); // events are read to the end
  });

  it('go on where they were killed, and come to the same report', async () => {
    const whole = auditsOf();
    await whole.open();
    const expected = await ended(whole, (await whole.start(REQUEST)).id);
    const flag = join(directory, 'stall');
    await writeFile(flag, '4');
    const first = auditsOf({ fragile: true });
    await first.open();
    const { id } = await first.start(REQUEST);
    const work = join(directory, 'audits', id, 'work');
    const mapped = async () => (await readdir(work)).filter((name) => /^map-\d+\.json$/.test(name)).length;
    while ((await mapped().catch(() => 0)) < 4) await new Promise((resolve) => setTimeout(resolve, 20));
    await first.close(); // its workers are ended in the middle of what they do
    expect(await mapped()).toBe(4);
    await rm(flag);
    const second = auditsOf();
    await second.open();
    expect((await second.read(id, PAGE)).status).toBe('running');
    const resumed = await ended(second, id);
    expect(resumed.status).toBe('completed');
    expect(findings(resumed)).toEqual(findings(expected));
    expect(existsSync(work)).toBe(false);
  });

  it('survive the death of a worker', async () => {
    await writeFile(join(directory, 'die'), '2');
    const audits = auditsOf({ fragile: true });
    await audits.open();
    const view = await ended(audits, (await audits.start(REQUEST)).id);
    expect(existsSync(join(directory, 'die'))).toBe(false);
    expect(told(view)).toEqual(PLANTED);
  });

  it('are made one at a time, page by page, and only so many are kept', async () => {
    const audits = auditsOf();
    await expect(audits.start(REQUEST)).rejects.toMatchObject({ code: 'not-ready' });
    await audits.open();
    const { id } = await audits.start(REQUEST);
    await expect(audits.start(REQUEST)).rejects.toMatchObject({ code: 'audit-running', details: { auditId: id } });
    await ended(audits, id);
    const pages = [];
    for (let offset: number | null = 0; offset !== null; ) {
      const { violations, next }: AuditView = await audits.read(id, { limit: 4, offset });
      pages.push(violations.length);
      offset = next;
    }
    expect(pages).toEqual([4, 2]);
    await expect(audits.read('a-3-1-00000000', PAGE)).rejects.toMatchObject({ code: 'audit-not-found' });
    for (let more = 0; more < KEPT; more += 1) await ended(audits, (await audits.start(REQUEST)).id);
    expect(audits.list()).toHaveLength(KEPT);
    expect(await readdir(join(directory, 'audits'))).toHaveLength(KEPT);
    await expect(audits.read(id, PAGE)).rejects.toMatchObject({ code: 'audit-not-found' });
  }, 120_000);

  it('fail, and say why, where Kafka cannot be read', async () => {
    const audits = new Audits(join(directory, 'failing'), 3, {
      brokers: ['127.0.0.1:1'],
      clientId: 'audit',
      databaseUrl: undefined,
      workers: 1,
      workerFile: new URL('../../dist/audit-worker.js', import.meta.url),
      confirmApplied: async () => APPLIED_INDEX,
      logger: silent,
    });
    open.push(audits);
    await audits.open();
    const view = await ended(audits, (await audits.start(REQUEST)).id);
    expect(view).toMatchObject({ status: 'failed', failure: expect.stringMatching(/./) });
  }, 60_000);
});

/** @returns when the honest half was written, Unix ms */
async function writeHistory(history: AuditHistory): Promise<number> {
  for (let sequence = 1; sequence <= HONEST; sequence += 1) {
    if (sequence % 2 === 1) history.committed(sequence);
    else history.aborted(sequence);
  }
  await history.written();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const betweenMs = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 50));
  history.committed(MIXED);
  plant(history);
  await history.written();
  return betweenMs;
}

function plant(history: AuditHistory): void {
  history.done(MIXED, 'west-2', 'rolled-back');
  history.event(COMMITTED_AFTER_ABORT, null);
  history.done(COMMITTED_AFTER_ABORT, 'east', 'committed');
  history.event(TWO_OUTCOMES, csnOf(TWO_OUTCOMES));
  history.event(TWO_OUTCOMES, null);
  history.done(TWO_OUTCOMES, 'east', 'committed');
  history.event(HAZARD, csnOf(HAZARD));
  history.done(HAZARD, 'east', 'hazard');
  history.vote(PREPARED_ORPHAN, 'east', 'prepared');
  history.done(COMMITTED_ORPHAN, 'east', 'committed');
  history.event(RUNNING, csnOf(RUNNING));
  history.done(RUNNING, 'east', 'committed');
}

/** The records of this replica: the truth, but for number 1, which they call aborted, and number 2, which they lack. */
async function storeRecords(databaseUrl: string): Promise<void> {
  const store = new PostgresStore({ databaseUrl, onWaiting: () => {} });
  await store.open('member', 10, { newLog: true });
  const transactions = [...Array(HONEST).keys()].map((at) => recordOf(at + 1, at === 0 ? false : at % 2 === 0));
  transactions.splice(1, 1);
  transactions.push(recordOf(MIXED, true), recordOf(COMMITTED_AFTER_ABORT, false), recordOf(TWO_OUTCOMES, true));
  transactions.push(recordOf(HAZARD, true), recordOf(RUNNING, true));
  transactions.push({ ...recordOf(PREPARED_ORPHAN, false), status: 'preparing', outcome: null, decidedAt: null });
  const empty = { keys: [], participants: [], members: [], prune: null, publishedIndex: 0 };
  const point = { fromIndex: 0, toIndex: APPLIED_INDEX, toTerm: 1, incarnation: INCARNATION };
  await store.persist({ ...empty, ...point, transactions });
  await store.close();
}

const recordOf = (sequence: number, committed: boolean): TransactionRecord => ({
  id: idOf(sequence),
  isolation: 'local',
  serializable: false,
  label: null,
  caller: 'tester',
  snapshot: null,
  createdAt: Date.now(),
  deadlineAt: Date.now(),
  status: committed ? 'committed' : 'aborted',
  outcome: committed ? 'committed' : 'aborted',
  csn: committed ? csnOf(sequence) : null,
  decidedIndex: sequence,
  decidedAt: Date.now(),
  completedAt: null,
  reason: null,
  branches: [],
});
