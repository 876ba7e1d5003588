import { availableParallelism } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { bar, comparison, complaints, floorMsOf, lineOf, table, warnings } from './lines.mjs';
import { perCall, shareElsewhere } from './meters.mjs';

const floors = new Map([
  ['floor-http', { p50Ms: 0.2 }],
  ['floor-kafka-echo', { p50Ms: 0.8 }],
  ['floor-fdatasync', { p50Ms: 0.1 }],
  ['floor-postgres', { p50Ms: 1.4, prepareP50Ms: 0.9 }],
]);

const measured = {
  count: 1000,
  elapsedMs: 500,
  p50Ms: 2.2,
  p99Ms: 8.88888,
  otherwise: {},
  cpuMsPerTransaction: 0.5,
  fsyncsPerTransaction: 1,
  kafkaMessagesPerTransaction: 9,
  elsewhere: 0.25,
  cpu: { coordinator: 0.2, kafka: 0.3 },
};
const what = { case: 'empty', replicas: 1, participants: 2, concurrency: 1 };

describe('the floor of a case', () => {
  it('is the sum of what lies on the way to the answer', () => {
    expect(floorMsOf('empty', floors)).toBeCloseTo(1.1);
  });

  it('holds the PREPARE of Postgres without its COMMIT PREPARED', () => {
    expect(floorMsOf('inventory', floors)).toBeCloseTo(2);
  });

  it('is unknown for floors, and where a floor was not measured', () => {
    expect(floorMsOf('floor-http', floors)).toBeNull();
    expect(floorMsOf('inventory', new Map([['floor-http', { p50Ms: 1 }]]))).toBeNull();
  });
});

describe('a line', () => {
  it('has the figures that the issue names, and the split of the CPU time', () => {
    expect(lineOf(what, measured, 1.1)).toEqual({
      case: 'empty',
      replicas: 1,
      participants: 2,
      concurrency: 1,
      perSecond: 2000,
      p50Ms: 2.2,
      p99Ms: 8.889,
      ratioToFloor: 2,
      cpuMsPerTransaction: 0.5,
      fsyncsPerTransaction: 1,
      kafkaMessagesPerTransaction: 9,
      aborted: 0,
      failed: 0,
      floorMs: 1.1,
      cpuElsewhere: 0.25,
      cpu: { coordinator: 0.2, kafka: 0.3 },
    });
  });

  it('counts aborts and failures, and complains of them', () => {
    const otherwise = { 'aborted: lock-timeout': 3, 'failed: 503 overloaded': 2, 'failed: ECONNRESET': 1 };
    const line = lineOf(what, { ...measured, otherwise }, null);
    expect(line).toMatchObject({ aborted: 3, failed: 3, ratioToFloor: null, otherwise });
    expect(complaints([line])).toEqual([
      'empty at 1 in flight had calls that did not commit: ' +
        '3 × aborted: lock-timeout, 2 × failed: 503 overloaded, 1 × failed: ECONNRESET',
    ]);
  });
});

describe('the use of one call', () => {
  it('is a difference divided by the calls, and sums up what is counted', () => {
    const before = { cpuMs: { coordinator: 100, kafka: 50, client: 0 }, fsyncs: 10, messages: 90 };
    const after = { cpuMs: { coordinator: 120, kafka: 60, client: 100 }, fsyncs: 20, messages: 180 };
    expect(perCall(before, after, 10, ['coordinator', 'kafka'])).toEqual({
      cpuMsPerTransaction: 3,
      fsyncsPerTransaction: 1,
      kafkaMessagesPerTransaction: 9,
      cpu: { coordinator: 2, kafka: 1, client: 10 },
    });
  });

  it('is unknown where nothing was counted', () => {
    const reading = { cpuMs: { kafka: null }, fsyncs: null, messages: 0 };
    expect(perCall(reading, reading, 10, ['kafka'])).toMatchObject({
      cpuMsPerTransaction: null,
      fsyncsPerTransaction: null,
    });
  });
});

describe('the share of the machine that others used', () => {
  const cores = availableParallelism();
  const reading = (atMs, machineCpuMs, ownMs) => ({ atMs, machineCpuMs, cpuMs: { kafka: ownMs, client: null } });

  it('is all the CPU time that was not ours', () => {
    const after = reading(1_000, 750 * cores, 250 * cores);
    expect(shareElsewhere(reading(0, 0, 0), after)).toBeCloseTo(0.5);
  });

  it('is never below 0, and unknown where the kernel does not tell', () => {
    expect(shareElsewhere(reading(0, 0, 0), reading(1_000, 10, 20))).toBe(0);
    expect(shareElsewhere(reading(0, null, 0), reading(1_000, null, 20))).toBeNull();
  });

  it('is worth a warning when it is large', () => {
    const line = lineOf(what, measured, 1.1);
    expect(warnings([line])).toHaveLength(1);
    expect(
      warnings([
        { ...line, cpuElsewhere: 0.02 },
        { ...line, cpuElsewhere: null },
      ]),
    ).toEqual([]);
  });
});

describe('the table', () => {
  it('draws floors and cases on scales of their own', () => {
    const floor = lineOf({ ...what, case: 'floor-http', replicas: null, participants: null }, measured, null);
    const slow = lineOf({ ...what, concurrency: 32 }, { ...measured, count: 100 }, 1.1);
    const fast = lineOf(what, { ...measured, count: 200 }, 1.1);
    const rows = table([floor, slow, fast]).split('\n');
    expect(rows[1].endsWith(bar(1))).toBe(true);
    expect(rows[2].endsWith(` ${bar(0.5)}`)).toBe(true);
    expect(rows[3].endsWith(bar(1))).toBe(true);
  });
});

describe('the comparison of the isolations', () => {
  const line = (name, concurrency, cpuMsPerTransaction) => ({
    case: name,
    concurrency,
    cpuMsPerTransaction,
    fsyncsPerTransaction: 2,
    p50Ms: 10,
  });

  it('divides global by local at the same number of calls in flight', () => {
    const lines = [line('local', 1, 4), line('local', 32, 2), line('global', 1, 6), line('global', 32, 2.5)];
    expect(comparison(lines)).toEqual([
      'global / local at 1: CPU 1.50, fsyncs 1.00, p50 1.00',
      'global / local at 32: CPU 1.25, fsyncs 1.00, p50 1.00',
    ]);
  });

  it('says nothing where only one of them was measured', () => {
    expect(comparison([line('global', 1, 4), line('local', 32, 4), line('empty', 1, 4)])).toEqual([]);
  });
});
