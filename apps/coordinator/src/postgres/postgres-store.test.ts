import { ConcordatError } from '@concordat/protocol';
import type { TransactionRecord } from '@concordat/transaction';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type CuttableProxy, startCuttableProxy } from '../../test/cuttable-proxy.js';
import { createOwnDatabase, type OwnDatabase } from '../../test/own-database.js';
import { batch, completed, debit, INCARNATION, id, NOW, record } from '../../test/stored-records.js';
import { StaleWriterError } from '../engine/store.js';
import { ForeignDatabaseError } from './load.js';
import { STATEMENT_ROWS_MAX } from './persist-statement.js';
import { PostgresStore } from './postgres-store.js';
import { PRUNE_ROWS_MAX } from './pruning.js';

const MEMBER = 'member-a';

describe('the Postgres store', () => {
  let database: OwnDatabase;
  let store: PostgresStore;

  beforeAll(async () => {
    database = await createOwnDatabase('coordinator_store');
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    store = new PostgresStore({ databaseUrl: database.url });
    await store.open(MEMBER, 100);
  });
  afterEach(async () => {
    await store.close();
    await database.query(
      'TRUNCATE coordinator_state, transaction, idempotency_key, participant, leased_snapshot, lock_hold, lock_session',
    );
  });

  const reopened = async (keysMax = 100) => {
    await store.close();
    store = new PostgresStore({ databaseUrl: database.url });
    return store.open(MEMBER, keysMax);
  };

  it('opens an empty database at index 0', async () => {
    expect(store.available).toBe(true);
    expect(await reopened()).toEqual({
      appliedIndex: 0,
      appliedTerm: 0,
      incarnation: 0,
      memberId: MEMBER,
      publishedIndex: 0,
      prunedThrough: null,
      reconciliation: null,
      transactions: [],
      unpublished: [],
      participants: [],
      members: [],
      keys: [],
      leases: [],
      locks: { holds: [], sessions: [] },
      hazards: [],
    });
  });

  it('gives every field back as it was written', async () => {
    const odd = 'zwölf 漢字 🐘 "quoted" \\back\\ {a,b} NULL \n\t';
    const everything: TransactionRecord = {
      ...record(7),
      isolation: 'global',
      serializable: true,
      label: odd,
      caller: odd,
      snapshot: INCARNATION * 1024,
      status: 'aborted',
      outcome: 'aborted',
      csn: INCARNATION * 1024 + 5,
      decidedIndex: 5,
      decidedAt: NOW + 10,
      completedAt: null,
      reason: {
        code: 'insufficient-funds',
        message: odd,
        retryable: false,
        participant: 'accounts-east',
        branchId: '1',
      },
      branches: [
        {
          id: '1',
          participant: 'accounts-east',
          operation: 'debit',
          status: 'refused',
          result: { nested: [{ deep: [null, true, 1.5, 1e21, '', odd] }], zero: 'a\u0000b', lone: '\ud800', '': {} },
          reason: { code: 'x', message: '', retryable: true },
        },
        { id: '2', participant: 'inventory', operation: 'reserve', status: 'hazard', result: 'text', reason: null },
        { id: '3', participant: 'inventory', operation: 'read', status: 'read-only', result: [], reason: null },
      ],
    };
    const who = { owner: odd, caller: odd, key: 'k"1', ttlMs: 3_600_000, renewals: 2 };
    const session = { id: 'ls-a', createdAt: NOW, ...who };
    const holds = [
      { ...who, token: INCARNATION * 1024 + 3, name: 'a', mode: 'shared' as const, session: 'ls-a', grantedAt: NOW },
      {
        ...who,
        token: INCARNATION * 1024 + 4,
        name: 'b',
        mode: 'exclusive' as const,
        session: null,
        key: null,
        grantedAt: NOW,
      },
    ];
    const locks = {
      holds: new Map([...holds.map((hold) => [hold.token, hold] as const), [7, null]]),
      sessions: new Map([[session.id, session]]),
    };
    const lease = { id: 's-a-1-1', csn: INCARNATION * 1024 + 8, createdAt: NOW, ttlMs: 3_600_000 };
    const bare = record(8, { branches: [] });
    const key = { caller: odd, key: 'k"1', requestHash: 'ab', transactionId: id(7), createdAt: NOW };
    const participant = {
      name: 'inventory',
      isolation: 'local' as const,
      operations: [{ name: 'reserve', readOnly: false, inputSchema: { type: 'object', title: odd }, resultSchema: {} }],
      registeredAt: NOW,
    };
    await store.persist(
      batch(0, 9, {
        publishedIndex: 4,
        transactions: [everything, bare],
        keys: [key],
        participants: [participant],
        locks,
        leases: new Map([
          [lease.id, lease],
          ['s-a-1-2', null],
        ]),
      }),
    );
    expect(await store.find(id(7))).toEqual(everything);
    expect(await store.find(id(8))).toEqual(bare);
    expect(await store.findKey(odd, 'k"1')).toEqual(key);
    expect(await reopened()).toEqual({
      appliedIndex: 9,
      appliedTerm: 1,
      incarnation: INCARNATION,
      memberId: MEMBER,
      publishedIndex: 4,
      prunedThrough: null,
      reconciliation: null,
      transactions: [everything, bare],
      unpublished: [everything],
      participants: [participant],
      members: [],
      keys: [key],
      leases: [lease],
      locks: { holds, sessions: [session] },
      hazards: [],
    });
  });

  it('drops a lease that is released, and keeps the others oldest first', async () => {
    const lease = (n: number) => ({ id: `s-a-1-${n}`, csn: 100 - n, createdAt: NOW, ttlMs: 1000 });
    const leases = [1, 2, 3].map(lease);
    await store.persist(batch(0, 1, { leases: new Map(leases.map((one) => [one.id, one])) }));
    await store.persist(batch(1, 2, { leases: new Map([['s-a-1-2', null]]) }));
    await expect(store.persist(batch(1, 3, { leases: new Map([['s-a-1-1', null]]) }))).rejects.toThrow();
    expect((await reopened()).leases).toEqual([lease(3), lease(1)]);
  });

  it('writes a text that Postgres cannot hold as nearly as it can, instead of refusing the batch for ever', async () => {
    await store.persist(batch(0, 1, { transactions: [record(1, { label: 'a\u0000b' })] }));
    expect((await store.find(id(1)))?.label).toBe('a\uFFFDb');
  });

  it('replaces a transaction, a key and a participant by their later form', async () => {
    const participant = { name: 'a', isolation: 'local' as const, operations: [], registeredAt: NOW };
    const key = { caller: 'c', key: 'k', requestHash: '1', transactionId: id(1), createdAt: NOW };
    await store.persist(batch(0, 1, { transactions: [record(1)], keys: [key], participants: [participant] }));
    const later = completed(1, NOW + 5, { branches: [debit, { ...debit, id: '2' }] });
    const laterKeys = [
      { ...key, requestHash: '2' },
      { ...key, requestHash: '3' },
    ];
    const laterParticipant = { ...participant, isolation: 'global' as const, registeredAt: NOW + 1 };
    await store.persist(
      batch(1, 2, { transactions: [later], keys: laterKeys, participants: [participant, laterParticipant] }),
    );
    expect(await store.find(id(1))).toEqual(later);
    expect(await store.findKey('c', 'k')).toEqual({ ...key, requestHash: '3' });
    expect((await reopened()).participants).toEqual([laterParticipant]);
  });

  it('writes a large batch in several statements of one database transaction', async () => {
    const count = 2 * STATEMENT_ROWS_MAX + 1;
    const records = Array.from({ length: count }, (_, n) => completed(n + 1, NOW));
    const keys = Array.from({ length: count + 1 }, (_, n) => ({
      caller: 'c',
      key: String(n),
      requestHash: 'h',
      transactionId: id(n + 1),
      createdAt: NOW,
    }));
    await store.persist(batch(0, 5, { transactions: records, keys }));
    await expect(store.persist(batch(0, 6, { transactions: records, keys }))).rejects.toBeInstanceOf(StaleWriterError);
    const [row] = await database.query<object>(`
      SELECT count(*)::int AS rows, count(DISTINCT xmin::text)::int AS transactions, min(persisted_index)::int AS index,
             (SELECT count(*)::int FROM idempotency_key) AS keys FROM transaction`);
    expect(row).toEqual({ rows: count, transactions: 1, index: 5, keys: count + 1 });
  });

  it('finds by the exact id only, though one id is a prefix of another', async () => {
    await store.persist(batch(0, 1, { transactions: [record(1), record(36), record(37)] }));
    expect(id(36).startsWith(id(1))).toBe(true);
    expect((await store.find(id(1)))?.id).toBe(id(1));
    expect((await store.find(id(36)))?.id).toBe(id(36));
    expect(await store.find(id(2))).toBeUndefined();
    expect(await store.find(`${id(1)}%`)).toBeUndefined();
  });

  it('refuses a second writer and a replay', async () => {
    const second = new PostgresStore({ databaseUrl: database.url });
    await second.open(MEMBER, 0);
    await store.persist(batch(0, 3, { transactions: [record(1)] }));
    await expect(second.persist(batch(0, 3, { transactions: [record(2)] }))).rejects.toBeInstanceOf(StaleWriterError);
    await expect(store.persist(batch(0, 3, { transactions: [record(3)] }))).rejects.toBeInstanceOf(StaleWriterError);
    await expect(store.persist(batch(4, 5))).rejects.toBeInstanceOf(StaleWriterError);
    expect((await store.list({ limit: 10 })).map((one) => one.id)).toEqual([id(1)]);
    await second.close();
  });

  it('refuses a database that belongs to another member', async () => {
    const other = new PostgresStore({ databaseUrl: database.url });
    await expect(other.open('member-b', 0)).rejects.toBeInstanceOf(ForeignDatabaseError);
    await other.close();
  });

  it('loads what is not completed, what may be unpublished, and the newest keys', async () => {
    const keys = [1, 2, 3].map((n) => ({
      caller: 'c',
      key: String(n),
      requestHash: 'h',
      transactionId: id(n),
      createdAt: NOW + n,
    }));
    const aborted = record(10, { status: 'aborted', outcome: 'aborted', decidedIndex: 2, decidedAt: NOW });
    await store.persist(batch(0, 2, { transactions: [completed(2, NOW), aborted], keys }));
    await store.persist(batch(2, 4, { publishedIndex: 2, transactions: [completed(9, NOW), record(11)] }));
    const state = await reopened(2);
    expect(state.transactions.map((one) => one.id)).toEqual([id(10), id(11)]);
    expect(state.unpublished.map((one) => one.id)).toEqual([id(9)]);
    expect(state.keys.map((one) => one.key)).toEqual(['2', '3']);
  });

  it('lists newest first by the parts of the ids, in pages that stay put while rows are added', async () => {
    const initial = [1, 9, 10, 35, 36, 37, 1296].map((sequence) => record(sequence));
    const nextTerm = record(1, { id: id(1, 2) });
    await store.persist(batch(0, 1, { transactions: [...initial, nextTerm] }));
    const seen: string[] = [];
    let before: string | undefined;
    for (let page = 0; ; page += 1) {
      const items = await store.list({ limit: 3, ...(before === undefined ? {} : { before }) });
      if (items.length === 0) break;
      seen.push(...items.map((one) => one.id));
      before = seen.at(-1);
      await store.persist(batch(page + 1, page + 2, { transactions: [record(page + 2, { id: id(page + 2, 3) })] }));
    }
    expect(seen).toEqual([id(1, 2), ...[1296, 37, 36, 35, 10, 9, 1].map((sequence) => id(sequence))]);
  });

  it('filters by status, participant and label', async () => {
    const at = (participant: string) => [{ ...debit, participant }];
    await store.persist(
      batch(0, 1, {
        transactions: [
          record(1, { label: 'x' }),
          record(2, { status: 'preparing', branches: at('inventory') }),
          completed(3, NOW, { label: 'x', branches: [...at('inventory'), ...at('accounts-east')] }),
        ],
      }),
    );
    const ids = async (query: object) => (await store.list({ limit: 10, ...query })).map((one) => one.id);
    expect(await ids({ status: 'active' })).toEqual([id(1)]);
    expect(await ids({ status: 'completed' })).toEqual([id(3)]);
    expect(await ids({ participant: 'inventory' })).toEqual([id(3), id(2)]);
    expect(await ids({ participant: 'inventory', status: 'preparing' })).toEqual([id(2)]);
    expect(await ids({ label: 'x' })).toEqual([id(3), id(1)]);
    expect(await ids({ label: 'x', before: id(3) })).toEqual([id(1)]);
    expect(await ids({ participant: 'inventor' })).toEqual([]);
  });

  it('prunes in bounded rounds, remembers how far it went and goes on by itself', async () => {
    const extra = 10;
    const old = Array.from({ length: PRUNE_ROWS_MAX + extra }, (_, n) => completed(n + 1, NOW + n));
    const young = completed(50_000, NOW + 1_000_000);
    const unfinished = record(49_999, { createdAt: NOW - 1_000_000 });
    const keys = [NOW - 1, NOW + 1].map((createdAt) => ({
      caller: 'c',
      key: String(createdAt),
      requestHash: 'h',
      transactionId: id(1),
      createdAt,
    }));
    await store.persist(batch(0, 1, { transactions: [...old, young, unfinished], keys }));
    const count = async () => Number((await database.query<{ n: string }>('SELECT count(*) n FROM transaction'))[0]?.n);
    await store.persist(batch(1, 2, { prune: { completedBefore: NOW + 500_000, keysBefore: NOW } }));
    expect(await count()).toBe(extra + 2);
    expect(store.prunedThrough).toBe(id(PRUNE_ROWS_MAX));
    expect(store.pruning).toBe(true);
    await store.persist(batch(2, 2)); // nothing was applied meanwhile
    expect(await count()).toBe(2);
    expect(store.pruning).toBe(false);
    expect(store.prunedThrough).toBe(id(PRUNE_ROWS_MAX + extra));
    expect(await store.findKey('c', String(NOW - 1))).toBeUndefined();
    expect(await store.findKey('c', String(NOW + 1))).toBeDefined();
    expect((await reopened()).prunedThrough).toBe(id(PRUNE_ROWS_MAX + extra));
  });

  it('writes all or nothing when its backend is killed in the middle, and the retry succeeds', async () => {
    const killBackends = () =>
      database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'concordat-%'`,
      );
    const ROWS = STATEMENT_ROWS_MAX + 50; // two statements
    let index = 0;
    let failures = 0;
    for (let round = 0; round < 15; round += 1) {
      const sequences = Array.from({ length: ROWS }, (_, n) => round * ROWS + n + 1);
      const next = batch(index, index + 1, {
        transactions: sequences.map((sequence) => completed(sequence, NOW)),
        prune: round % 2 ? { completedBefore: 0, keysBefore: 0 } : null,
      });
      const attempt = store.persist(next).then(
        () => undefined,
        (error: unknown) => error,
      );
      await new Promise((resolve) => setTimeout(resolve, round % 10));
      await killBackends();
      let error = await attempt;
      const [state] = await database.query<{ applied_index: string; n: string }>(
        'SELECT applied_index, (SELECT count(*) FROM transaction) n FROM coordinator_state',
      );
      expect(Number(state?.n)).toBe(Number(state?.applied_index) * ROWS);
      while (error !== undefined) {
        failures += 1;
        expect(error).not.toBeInstanceOf(StaleWriterError);
        error = await store.persist(next).then(
          () => undefined,
          (again: unknown) => again,
        );
      }
      index += 1;
    }
    expect(failures).toBeGreaterThan(0);
    expect((await reopened()).appliedIndex).toBe(index);
  });

  it('takes its own lost acknowledgement for what it is, and not for a second writer', async () => {
    await throughProxy(async (proxied, proxy) => {
      const lost = batch(0, 1, { transactions: [record(1)] });
      await proxied.persist(batch(0, 0));
      proxy.mode = 'deaf';
      await expect(proxied.persist(lost)).rejects.not.toBeInstanceOf(StaleWriterError);
      await eventually(async () => expect(await store.find(id(1))).toBeDefined());
      proxy.mode = 'open';
      await expect(proxied.persist(lost)).resolves.toBeUndefined();
      await expect(proxied.persist(lost)).rejects.toBeInstanceOf(StaleWriterError);
      await expect(store.persist(lost)).rejects.toBeInstanceOf(StaleWriterError);
    });
  });

  it('tells when Postgres goes away, answers reads with postgres-unavailable, and recovers by itself', async () => {
    await throughProxy(async (proxied, proxy) => {
      proxy.mode = 'closed';
      proxy.cut();
      await eventually(async () => expect(proxied.available).toBe(false));
      await expect(proxied.find(id(1))).rejects.toMatchObject({ code: 'postgres-unavailable', retryable: true });
      await expect(proxied.list({ limit: 1 })).rejects.toBeInstanceOf(ConcordatError);
      await expect(proxied.persist(batch(0, 1))).rejects.not.toBeInstanceOf(StaleWriterError);
      proxy.mode = 'open';
      await eventually(async () => expect(proxied.available).toBe(true));
      await proxied.persist(batch(0, 1));
    });
  });

  it('waits for a Postgres that comes later, until it is closed', async () => {
    const proxy = await startCuttableProxy(database.url);
    proxy.mode = 'closed';
    let attempts = 0;
    const onWaiting = () => {
      attempts += 1;
      if (attempts === 2) proxy.mode = 'open';
    };
    const late = new PostgresStore({ databaseUrl: proxy.url, onWaiting });
    expect(late.available).toBe(false);
    expect((await late.open(MEMBER, 0)).memberId).toBe(MEMBER);
    expect(attempts).toBe(2);
    await late.close();

    proxy.mode = 'closed';
    const never: PostgresStore = new PostgresStore({ databaseUrl: proxy.url, onWaiting: () => void never.close() });
    await expect(never.open(MEMBER, 0)).rejects.toThrow('closed');
    await proxy.close();
  });

  it('tells a reader within a bound that Postgres stands still, and answers again afterwards', async () => {
    const proxy = await startCuttableProxy(database.url);
    const proxied = new PostgresStore({ databaseUrl: proxy.url, readTimeoutMs: 200 });
    await proxied.open(MEMBER, 0);
    proxy.mode = 'mute';
    await expect(proxied.find(id(1))).rejects.toMatchObject({ code: 'postgres-unavailable' });
    await expect(proxied.list({ limit: 1 })).rejects.toMatchObject({ code: 'postgres-unavailable' });
    expect(proxied.available).toBe(false);
    proxy.mode = 'open';
    proxy.cut();
    await eventually(async () => expect(await proxied.list({ limit: 1 })).toEqual([]));
    expect(proxied.available).toBe(true);
    await proxied.close();
    await proxy.close();
  });

  it('fails at once where waiting would not help', async () => {
    const url = new URL(database.url);
    url.pathname = '/no_such_database';
    const lost = new PostgresStore({ databaseUrl: url.href });
    await expect(lost.open(MEMBER, 0)).rejects.toThrow('does not exist');
    await lost.close();
  });

  async function throughProxy(run: (proxied: PostgresStore, proxy: CuttableProxy) => Promise<void>): Promise<void> {
    const proxy = await startCuttableProxy(database.url);
    const proxied = new PostgresStore({ databaseUrl: proxy.url });
    await proxied.open(MEMBER, 0);
    await run(proxied, proxy);
    await proxied.close();
    await proxy.close();
  }
});

async function eventually(check: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await check();
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
