import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { WalPoisonedError } from './errors.js';
import { type DiskFaults, FaultyDisk } from './faulty-disk.js';
import { LogModel, randomBatch, seededRandom } from './log-model.js';
import { type WalRecovery, WriteAheadLog } from './write-ahead-log.js';

const DIRECTORY = '/wal';
const SEGMENT_BYTES = 16 * 1024;

describe('the write-ahead log on a faulty disk', () => {
  it('has everything that was acknowledged after any sequence of power failures and kills', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        await survive(seed, {});
      }),
      { numRuns: 150 },
    );
  });

  it('has everything that was acknowledged when writes stop short and syncs fail as well', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        await survive(seed, { shortWrite: 0.2, syncError: 0.01 });
      }),
      { numRuns: 150 },
    );
  });

  it('has everything that was acknowledged when the disk fills up, and goes on once there is room', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        await survive(seed, { capacityBytes: 5 * SEGMENT_BYTES });
      }),
      { numRuns: 40 },
    );
  });

  it('has everything that was acknowledged when a kill at any operation is followed by a power failure later', async () => {
    for (let killedAt = 0; killedAt < 90; killedAt++) {
      const disk = new FaultyDisk(seededRandom(killedAt));
      disk.operationsUntilCrash = killedAt;
      const first = await tryOpen(disk);
      const before = first ? await appendMany(first.wal, 1, 12) : 0;
      disk.restart();
      const second = await mustOpen(disk);
      expect(second.recovery.entries.length).toBeGreaterThanOrEqual(before);
      // Few enough that no further segment is made: that would sync the directory as well.
      const after = await appendMany(second.wal, second.recovery.entries.length + 1, 3);
      disk.crash();
      expect((await mustOpen(disk)).recovery.entries).toHaveLength(after);
    }
  });

  it('never appends again after a failed sync, not even when the disk works again', async () => {
    const disk = new FaultyDisk(seededRandom(1));
    const { wal } = await WriteAheadLog.open({ directory: DIRECTORY, disk: disk.mount(), segmentBytes: SEGMENT_BYTES });
    await wal.append({ entries: [entry(1)] });
    disk.faults = { syncError: 1 };
    const failed = [wal.append({ entries: [entry(2)] }), wal.append({ entries: [entry(3)] })];
    for (const one of failed) await expect(one).rejects.toThrow(WalPoisonedError);
    disk.faults = {};
    await expect(wal.append({ entries: [entry(2)] })).rejects.toMatchObject({ code: 'wal-poisoned', retryable: false });
    await expect(wal.compact(1, 1)).rejects.toThrow(WalPoisonedError);
    await wal.close();
    expect(wal.fsyncCount).toBe(1);
  });

  it('makes sure of what it reads from a page cache that a failed sync left behind', async () => {
    const disk = new FaultyDisk(seededRandom(2));
    const options = () => ({ directory: DIRECTORY, disk: disk.mount(), segmentBytes: SEGMENT_BYTES });
    const { wal } = await WriteAheadLog.open(options());
    await wal.append({ entries: [entry(1)] });
    disk.faults = { syncError: 1 };
    await wal.append({ entries: [entry(2)] }).catch(() => undefined);
    disk.faults = {};
    disk.restart();
    const seen = await WriteAheadLog.open(options());
    expect(seen.recovery.entries).toHaveLength(2);
    disk.crash();
    const again = await WriteAheadLog.open(options());
    expect(again.recovery.entries).toHaveLength(2);
  });
});

/** Appends so many entries, or until the disk is gone. @returns how many entries there are then */
async function appendMany(wal: WriteAheadLog, from: number, count: number): Promise<number> {
  for (let index = from; index < from + count; index++) {
    const data = new Uint8Array(3_000);
    const failed = await wal.append({ entries: [{ index, term: 1, type: 0, data }] }).catch(() => 'failed');
    if (failed) return index - 1;
  }
  return from + count - 1;
}

function entry(index: number) {
  return { index, term: 1, type: 0, data: new Uint8Array(20) };
}

/** Several lives of one log; after each the log must be a state between the last acknowledged and the last submitted. */
async function survive(seed: number, faults: DiskFaults): Promise<void> {
  const random = seededRandom(seed);
  const disk = new FaultyDisk(random);
  let base = new LogModel();
  let memberId: string | undefined;
  for (let life = 0; life < 5; life++) {
    disk.faults = faults;
    disk.operationsUntilCrash = random() < 0.7 ? Math.floor(random() * 120) : Number.POSITIVE_INFINITY;
    const opened = await tryOpen(disk);
    if (opened) {
      if (memberId !== undefined) expect(opened.recovery.memberId).toBe(memberId);
      memberId = opened.recovery.memberId;
      base = matching(opened.recovery, [base]);
      const states = await live(opened.wal, base, random);
      die(disk, random);
      disk.faults = {};
      base = matching((await mustOpen(disk)).recovery, states);
    }
    die(disk, random);
  }
}

/** @returns the states that may be found: the last acknowledged one and all that were submitted after it */
async function live(wal: WriteAheadLog, base: LogModel, random: () => number): Promise<LogModel[]> {
  const states = [base];
  let acknowledged = 0;
  let failed: unknown;
  const calls: Promise<void>[] = [];
  const steps = 5 + Math.floor(random() * 40);
  for (let step = 0; step < steps && failed === undefined; step++) {
    const { next, submit } = randomBatch(states.at(-1) as LogModel, random);
    const position = states.push(next) - 1;
    const acknowledge = () => {
      acknowledged = Math.max(acknowledged, position);
    };
    const call = submit(wal).then(acknowledge, (error) => {
      failed = error;
    });
    calls.push(call);
    if (random() < 0.5) await call;
  }
  if (random() < 0.3) await wal.close().catch(() => undefined);
  else if (random() < 0.5) await Promise.all(calls);
  if (failed !== undefined) await expectPoisoned(wal);
  return states.slice(acknowledged);
}

async function expectPoisoned(wal: WriteAheadLog): Promise<void> {
  const error = await wal.append({ hardState: { term: 9, vote: 9, commit: 9 } }).catch((reason) => reason);
  expect(['wal-poisoned', 'wal-closed']).toContain(error?.code);
}

function matching(recovery: WalRecovery, candidates: LogModel[]): LogModel {
  const found = LogModel.of(recovery).print();
  const match = candidates.findLast((candidate) => candidate.print() === found);
  if (!match) throw new Error(`found ${found}\nexpected one of\n${candidates.map((one) => one.print()).join('\n')}`);
  return match;
}

function die(disk: FaultyDisk, random: () => number): void {
  if (random() < 0.7) disk.crash();
  else disk.restart();
}

async function tryOpen(disk: FaultyDisk) {
  return WriteAheadLog.open({ directory: DIRECTORY, disk: disk.mount(), segmentBytes: SEGMENT_BYTES }).catch(
    (error) => {
      if (!/EIO|ENOSPC/.test(String(error))) throw error;
      return undefined;
    },
  );
}

function mustOpen(disk: FaultyDisk) {
  return WriteAheadLog.open({ directory: DIRECTORY, disk: disk.mount(), segmentBytes: SEGMENT_BYTES });
}
