import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { addressOfDirectory } from './directory-lock.js';
import { WalClosedError, WalLockedError, WalOverloadedError, WalUsageError } from './errors.js';
import { LogModel, randomBatch, seededRandom } from './log-model.js';
import { WriteAheadLog } from './write-ahead-log.js';

const SEGMENT_BYTES = 64 * 1024;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wal-'));
});

afterEach(() => rm(directory, { recursive: true }));

const open = () => WriteAheadLog.open({ directory, segmentBytes: SEGMENT_BYTES });
const entry = (index: number, bytes = 100) => ({ index, term: 1, type: 0, data: new Uint8Array(bytes).fill(index) });

describe('the write-ahead log on a real disk', () => {
  it('makes a random member id once and reads back what was written, over many lives', async () => {
    const random = seededRandom(11);
    let model = new LogModel();
    let memberId: string | undefined;
    for (let life = 0; life < 4; life++) {
      const { wal, recovery } = await open();
      expect(recovery.created).toBe(life === 0);
      memberId ??= recovery.memberId;
      expect(wal.memberId).toBe(memberId);
      expect(LogModel.of(recovery).print()).toBe(model.print());
      for (let step = 0; step < 80; step++) {
        const { next, submit } = randomBatch(model, random);
        await submit(wal);
        model = next;
        expect([wal.firstIndex, wal.lastIndex]).toEqual([model.base + 1, model.lastIndex]);
      }
      await wal.close();
    }
    expect(memberId).toMatch(/^[0-9a-f]{32}$/);
  });

  it('covers everything that is queued while a flush runs with the next one', async () => {
    const { wal } = await open();
    await Promise.all(Array.from({ length: 100 }, (_, at) => wal.append({ entries: [entry(at + 1)] })));
    expect(wal.fsyncCount).toBe(1);
    const first = wal.append({ entries: [entry(101)] });
    await Promise.resolve();
    await Promise.all([first, ...Array.from({ length: 50 }, (_, at) => wal.append({ entries: [entry(102 + at)] }))]);
    expect(wal.fsyncCount).toBeLessThanOrEqual(3);
    await wal.close();
  });

  it('tells of each flush once, when it is durable', async () => {
    const flushes: { durationMs: number; bytes: number; durable: number }[] = [];
    let durable = 0;
    const onFlush = (durationMs: number, bytes: number) => flushes.push({ durationMs, bytes, durable });
    const { wal } = await WriteAheadLog.open({ directory, segmentBytes: SEGMENT_BYTES, onFlush });
    for (const index of [1, 2]) {
      await wal.append({ entries: [entry(index)] });
      durable = index;
    }
    expect(flushes.map((one) => one.durable)).toEqual([0, 1]);
    for (const { durationMs, bytes } of flushes) {
      expect(durationMs).toBeGreaterThan(0);
      expect(bytes).toBeGreaterThan(100);
    }
    await wal.close();
    expect(flushes).toHaveLength(wal.fsyncCount);
  });

  it('removes whole segments below a snapshot point and keeps what is needed', async () => {
    const { wal } = await open();
    for (let index = 1; index <= 40; index++) await wal.append({ entries: [entry(index, 9_000)] });
    const before = (await readdir(directory)).length;
    await wal.compact(38, 1, Buffer.from('state'));
    expect((await readdir(directory)).length).toBeLessThan(before - 3);
    await wal.close();
    const { wal: again, recovery } = await open();
    expect(recovery.snapshot).toEqual({ index: 38, term: 1, data: Buffer.from('state') });
    expect(recovery.entries.map((one) => one.index)).toEqual([39, 40]);
    await again.close();
  });

  it('takes a batch larger than a segment', async () => {
    const { wal } = await open();
    await wal.append({ hardState: { term: 1, vote: 2, commit: 0 }, entries: [entry(1), entry(2, 300_000), entry(3)] });
    await wal.append({ entries: [entry(4)] });
    await wal.close();
    const { wal: again, recovery } = await open();
    expect(recovery.entries.map((one) => one.data.length)).toEqual([100, 300_000, 100, 100]);
    await again.close();
  });

  it('refuses gaps, compacted indices and numbers it could not keep, and goes on', async () => {
    const { wal } = await open();
    await wal.append({ entries: [entry(1), entry(2), entry(3)] });
    await wal.compact(2, 1);
    await expect(wal.append({ entries: [entry(5)] })).rejects.toThrow(WalUsageError);
    await expect(wal.append({ entries: [entry(2)] })).rejects.toThrow(WalUsageError);
    await expect(wal.append({ entries: [entry(4), entry(6)] })).rejects.toThrow(WalUsageError);
    await expect(wal.append({ hardState: { term: 2 ** 53, vote: 0, commit: 0 } })).rejects.toThrow(WalUsageError);
    await expect(wal.compact(9, 1)).rejects.toThrow(WalUsageError);
    await wal.append({ entries: [entry(4)] });
    await wal.close();
    await expect(wal.append({ entries: [entry(5)] })).rejects.toThrow(WalClosedError);
  });

  it('refuses more than its queue may hold', async () => {
    const { wal } = await WriteAheadLog.open({ directory, segmentBytes: SEGMENT_BYTES, queuedBytesMax: 1_000 });
    const first = wal.append({ entries: [entry(1, 800)] });
    await expect(wal.append({ entries: [entry(2, 800)] })).rejects.toThrow(WalOverloadedError);
    await first;
    await wal.append({ entries: [entry(2, 800)] });
    await wal.close();
  });
});

describe('the lock on the directory', () => {
  it('keeps a second log out until the first is closed', async () => {
    const { wal } = await open();
    await expect(open()).rejects.toThrow(WalLockedError);
    await wal.close();
    await (await open()).wal.close();
  });

  it('is given up by the operating system when its owner is killed with -9', async () => {
    const address = JSON.stringify(await addressOfDirectory(directory));
    const script = `require('net').createServer().listen({path: ${address}}, () => console.log('locked')); setInterval(() => {}, 1000)`;
    const owner = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(owner, 'exit');
    try {
      await once(owner.stdout, 'data');
      await expect(open()).rejects.toThrow(WalLockedError);
    } finally {
      owner.kill('SIGKILL');
      await exited;
    }
    await (await open()).wal.close();
  });
});
