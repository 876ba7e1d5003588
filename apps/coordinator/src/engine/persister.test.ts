import type { Change, TransactionRecord } from '@concordat/transaction';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CountingMetrics, pass, RecordingLogger, settled } from '../../test/engine.js';
import { MemoryStore } from '../../test/memory-store.js';
import { BACKLOG_RECORDS_MAX, Persister } from './persister.js';
import { StaleWriterError } from './store.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function start() {
  const store = new MemoryStore();
  const persisted: number[] = [];
  const fenced: Error[] = [];
  const at = { appliedIndex: 0, appliedTerm: 0, incarnation: 0, publishedIndex: 0 };
  const persister = new Persister(at, {
    store,
    metrics: new CountingMetrics(),
    logger: new RecordingLogger(),
    onPersisted: (index) => void persisted.push(index),
    onFenced: (error) => void fenced.push(error),
  });
  return { store, persisted, fenced, persister };
}

const recordOf = (sequence: number, status: TransactionRecord['status']): TransactionRecord =>
  ({ id: `1-1-${sequence}`, status, branches: [] }) as unknown as TransactionRecord;

const changeOf = (index: number, over: Partial<Change> = {}): Change => ({
  index,
  term: 1,
  transactions: [],
  keys: [],
  participants: [],
  members: [],
  prune: null,
  ...over,
});

describe('the persister', () => {
  it('writes a transaction that changed often once, in its last state, with the index that it reached', async () => {
    const { store, persister, persisted } = start();
    persister.add(changeOf(1, { transactions: [recordOf(1, 'active'), recordOf(2, 'active')] }), 7, 0);
    persister.add(changeOf(2, { transactions: [recordOf(1, 'committed')] }), 7, 0);
    persister.add(changeOf(3, { transactions: [recordOf(1, 'completed')] }), 7, 1);
    await pass(1000);
    expect(store.batches).toMatchObject([{ fromIndex: 0, toIndex: 3, toTerm: 1, incarnation: 7, publishedIndex: 1 }]);
    expect(store.batches[0]?.transactions.map(({ id, status }) => [id, status])).toEqual([
      ['1-1-1', 'completed'],
      ['1-1-2', 'active'],
    ]);
    expect(persisted).toEqual([3]);
  });

  it('moves the index on for entries that change no record', async () => {
    const { store, persister } = start();
    persister.add(changeOf(1), 7, 0);
    await pass(1000);
    expect(store.batches).toMatchObject([{ fromIndex: 0, toIndex: 1, transactions: [] }]);
  });

  it('carries keys, participants and the last pruning limits', async () => {
    const { store, persister } = start();
    const key = { caller: 'c', key: 'k', requestHash: 'h', transactionId: '1-1-1', createdAt: 1 };
    const east = { name: 'east', isolation: 'local' as const, operations: [], registeredAt: 1 };
    persister.add(changeOf(1, { keys: [key], participants: [east] }), 7, 0);
    persister.add(changeOf(2, { prune: { completedBefore: 1, keysBefore: 1 } }), 7, 0);
    persister.add(changeOf(3, { prune: { completedBefore: 2, keysBefore: 2 } }), 7, 0);
    await pass(1000);
    expect(store.batches).toMatchObject([
      { keys: [key], participants: [east], prune: { completedBefore: 2, keysBefore: 2 } },
    ]);
  });

  it('W4: goes on pruning while nothing is applied, and rests when all is gone', async () => {
    const { store, persister } = start();
    store.pruning = true;
    persister.add(changeOf(1, { prune: { completedBefore: 1, keysBefore: 1 } }), 7, 0);
    await pass(1000);
    expect(store.batches.length).toBeGreaterThan(2);
    store.pruning = false;
    await pass(1000);
    const written = store.batches.length;
    await pass(10_000);
    expect(store.batches).toHaveLength(written);
  });

  it('covers what was applied when it was asked, not what came later', async () => {
    const { store, persister } = start();
    persister.add(changeOf(1), 7, 0);
    let open: () => void = () => undefined;
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    const first = settled(persister.covers().then(() => store.batches.length));
    await pass(10);
    persister.add(changeOf(2), 7, 0);
    const second = settled(persister.covers().then(() => store.batches.length));
    expect([first, second]).toEqual([{}, {}]);
    open();
    await pass(0);
    expect(first.value).toBe(1);
    await pass(10);
    expect(second.value).toBe(2);
    await expect(persister.covers()).resolves.toBeUndefined();
  });

  it('finds a record that is applied and not yet in Postgres, also while it is being written', async () => {
    const { store, persister } = start();
    let open: () => void = () => undefined;
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    persister.add(changeOf(1, { transactions: [recordOf(1, 'active')] }), 7, 0);
    expect(persister.unpersisted('1-1-1')).toMatchObject({ status: 'active' });
    await pass(1000);
    expect(persister.unpersisted('1-1-1')).toMatchObject({ status: 'active' });
    persister.add(changeOf(2, { transactions: [recordOf(1, 'completed')] }), 7, 0);
    expect(persister.unpersisted('1-1-1')).toMatchObject({ status: 'completed' });
    open();
    await pass(1000);
    expect(persister.unpersisted('1-1-1')).toBeUndefined();
    expect(store.transactions.get('1-1-1')).toMatchObject({ status: 'completed' });
  });

  it('is full at its bound, what is being written included, and not below', async () => {
    const { store, persister } = start();
    store.gate = new Promise(() => undefined);
    const many = Array.from({ length: BACKLOG_RECORDS_MAX - 1 }, (_, i) => recordOf(i + 1, 'active'));
    persister.add(changeOf(1, { transactions: many }), 7, 0);
    await pass(1000);
    expect(persister.full).toBe(false);
    persister.add(changeOf(2, { transactions: [recordOf(BACKLOG_RECORDS_MAX + 1, 'active')] }), 7, 0);
    expect(persister.full).toBe(true);
  });

  it('tries the same batch again until Postgres takes it, while more gathers behind it', async () => {
    const { store, persister } = start();
    store.failures = [new Error('away'), new Error('away')];
    persister.add(changeOf(1, { transactions: [recordOf(1, 'active')] }), 7, 0);
    await pass(300);
    persister.add(changeOf(2, { transactions: [recordOf(2, 'active')] }), 7, 0);
    await pass(3000);
    expect(store.batches.map(({ fromIndex, toIndex }) => [fromIndex, toIndex])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(persister.backlog).toBe(0);
  });

  it('ends when another process owns the database, and writes nothing more', async () => {
    const { store, persister, fenced, persisted } = start();
    store.failures = [new StaleWriterError('another one')];
    persister.add(changeOf(1), 7, 0);
    await pass(1000);
    persister.add(changeOf(2), 7, 0);
    await pass(5000);
    expect(fenced).toHaveLength(1);
    expect([store.batches, persisted]).toEqual([[], []]);
  });
});
