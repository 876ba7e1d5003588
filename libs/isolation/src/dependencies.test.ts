import { describe, expect, it } from '@jest/globals';
import { type Asked, allAtOnce, oneAfterTheOther } from '../test/events.js';
import { dataEdges, type Edge, processEdges, realtimeEdges } from './dependencies.js';
import type { HistoryEvent } from './history.js';
import { pairTransactions } from './transactions.js';
import { recoverVersions } from './versions.js';

const tell = ({ from, to, kind }: Edge) => `T${from} ${kind} T${to}`;

const dataOf = (...asked: Asked[]) =>
  dataEdges(recoverVersions(pairTransactions(oneAfterTheOther(...asked)))).map(tell);

function ordersOf(history: readonly HistoryEvent[]) {
  const transactions = pairTransactions(history);
  const { effective } = recoverVersions(transactions);
  return {
    process: processEdges(transactions, effective).map(tell),
    realtime: realtimeEdges(transactions, effective).map(tell),
  };
}

const append = (element: number): Asked['value'][number] => ['append', 'x', element];
const read = (...list: number[]): Asked['value'][number] => ['r', 'x', list];
const ok = (...value: Asked['value']): Asked => ({ type: 'ok', value });

describe('the dependencies that data show', () => {
  it('follow the longest read: next write, last write read, first write missed', () => {
    expect(dataOf(ok(append(1)), ok(append(2)), ok(read(1)), ok(read(1, 2)))).toEqual([
      'T0 ww T1',
      'T0 wr T2',
      'T2 rw T1',
      'T1 wr T3',
    ]);
  });

  it('put appends that no read shows behind all that reads show', () => {
    expect(dataOf(ok(append(1)), ok(read(1)), ok(append(2)), ok(append(3)))).toEqual([
      'T0 ww T2',
      'T0 ww T3',
      'T0 wr T1',
      'T1 rw T2',
      'T1 rw T3',
    ]);
    expect(dataOf(ok(read()), ok(append(1)))).toEqual(['T0 rw T1']);
  });

  it('claim nothing of appends that no read shows where reads contradict each other', () => {
    expect(dataOf(ok(append(1)), ok(append(2)), ok(append(3)), ok(read(1)), ok(read(2)))).toEqual(['T0 wr T3']);
  });

  it('leave a transaction alone: its own appends are no dependency', () => {
    expect(dataOf(ok(append(1), append(2), read(1, 2)))).toEqual([]);
    // What follows its own append is overwritten, not missed.
    expect(dataOf(ok(append(1), read(1)), ok(append(2)), ok(read(1, 2)))).toEqual(['T0 ww T1', 'T1 wr T2']);
    expect(dataOf(ok(append(1)), ok(append(2), read(1, 2)))).toEqual(['T0 ww T1', 'T0 wr T1']);
  });

  it('pass over aborted transactions, and unknown ones whose writes nobody read', () => {
    const failed: Asked = { type: 'fail', value: [append(2)] };
    expect(dataOf(ok(append(1)), failed, ok(append(3)), ok(read(1, 2, 3)))).toEqual(['T0 ww T2', 'T2 wr T3']);
    expect(dataOf(ok(append(1)), { type: 'info', value: [append(2)] }, ok(read(1)))).toEqual(['T0 wr T2']);
  });

  it('count what an unknown transaction read once somebody read what it wrote', () => {
    const unknown: Asked = { type: 'info', value: [read(1), ['append', 'y', 1]] };
    const readsY: Asked = ok(['r', 'y', [1]]);
    expect(dataOf(ok(append(1)), unknown)).toEqual([]);
    expect(dataOf(ok(append(1)), unknown, readsY, ok(read(1)))).toEqual(
      expect.arrayContaining(['T0 wr T1', 'T1 wr T2']),
    );
  });
});

describe('the dependencies of order', () => {
  it('of a process lead from each answered transaction to its next', () => {
    const [a, b] = [{ process: 'a' }, { process: 'b' }];
    const history = oneAfterTheOther(
      { ...a, ...ok(append(1)) },
      { ...b, ...ok() },
      { ...a, ...ok() },
      { ...a, ...ok() },
    );
    expect(ordersOf(history).process).toEqual(['T0 process T2', 'T2 process T3']);
  });

  it('of a process do not lead from a transaction without an answer, which may take effect later', () => {
    const a = { process: 'a' };
    const history = oneAfterTheOther(
      { ...a, ...ok(append(1)) },
      { ...a, type: 'info', value: [append(2)] },
      { ...a, ...ok(read(1, 2)) },
    );
    expect(ordersOf(history)).toEqual({
      process: ['T0 process T1', 'T0 process T2'],
      realtime: ['T0 realtime T1', 'T0 realtime T2'],
    });
  });

  it('of real time are as few as imply the rest', () => {
    const history = allAtOnce([ok(), ok()], [ok()], [ok(), ok()]);
    expect(ordersOf(history).realtime).toEqual([
      'T0 realtime T2',
      'T1 realtime T2',
      'T2 realtime T3',
      'T2 realtime T4',
    ]);
  });
});
