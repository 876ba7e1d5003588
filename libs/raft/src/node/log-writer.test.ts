import { describe, expect, it } from '@jest/globals';
import {
  createMessage,
  type Entry,
  type HardState,
  type Message,
  MessageType,
  NO_CONF_STATE,
} from '../core/messages.js';
import type { Ready } from '../core/ready.js';
import { FaultyDisk } from '../wal/faulty-disk.js';
import { seededRandom } from '../wal/log-model.js';
import { WriteAheadLog } from '../wal/write-ahead-log.js';
import { encodeSnapshotFile } from './log-meta.js';
import { LogStorage } from './log-storage.js';
import { LogWriter } from './log-writer.js';

const SEGMENT_BYTES = 64 * 1024;

async function setUp() {
  const disk = new FaultyDisk(seededRandom(1));
  const open = () => WriteAheadLog.open({ directory: '/wal', disk: disk.mount(), segmentBytes: SEGMENT_BYTES });
  const { wal } = await open();
  const storage = new LogStorage(() => undefined);
  const delivered: number[] = [];
  const failures: unknown[] = [];
  const restored = Promise.withResolvers<void>();
  const deliver = (messages: readonly Message[]) => delivered.push(...messages.map((message) => message.index));
  const writer = new LogWriter(
    wal,
    storage,
    () => restored.promise,
    deliver,
    (error) => failures.push(error),
  );
  const write = (ready: Partial<Ready>, tag: number) => writer.write(readyOf(ready), workOf(tag));
  return { disk, open, wal, storage, writer, write, delivered, failures, restored };
}

describe('the writer of the log', () => {
  it('delivers what a write promises only after term, vote and entries are on the disk', async () => {
    const { disk, open, write, delivered } = await setUp();
    const hardState = { term: 3, vote: 2, commit: 0 };
    write({ hardState, entries: [entry(1, 3)], mustSync: true }, 1);
    expect(delivered).toEqual([]);
    await until(() => delivered.length === 1);
    disk.crash();
    const { recovery } = await open();
    expect(recovery.hardState).toEqual(hardState);
    expect(recovery.entries.map((one) => one.index)).toEqual([1]);
  });

  it('keeps the order of responses, also of those that wait for nothing of their own', async () => {
    const { write, delivered } = await setUp();
    write({}, 1);
    expect(delivered).toEqual([1]);
    write({ entries: [entry(1, 1)], mustSync: true }, 2);
    write({}, 3);
    write({ entries: [entry(2, 1)], mustSync: true }, 4);
    expect(delivered).toEqual([1]);
    await until(() => delivered.length === 4);
    expect(delivered).toEqual([1, 2, 3, 4]);
  });

  it('spends no sync on a commit index alone and writes it with what comes next', async () => {
    const { wal, writer, write, delivered, disk, open } = await setUp();
    write({ hardState: { term: 1, vote: 0, commit: 0 }, entries: [entry(1, 1)], mustSync: true }, 1);
    await until(() => delivered.length === 1);
    write({ hardState: { term: 1, vote: 0, commit: 1 } }, 2);
    expect([delivered.length, wal.fsyncCount]).toEqual([2, 1]);
    write({ entries: [entry(2, 1)], mustSync: true }, 3);
    await until(() => delivered.length === 3);
    expect(wal.fsyncCount).toBe(2);
    write({ hardState: { term: 1, vote: 0, commit: 2 } }, 4);
    await writer.flush();
    disk.crash();
    expect((await open()).recovery.hardState.commit).toBe(2);
  });

  it('holds everything back behind a snapshot until the state machine has it', async () => {
    const { write, storage, delivered, restored } = await setUp();
    const file = { index: 9, term: 2, confState: { ...NO_CONF_STATE, voters: [1] }, bytes: 5, checksum: 7 };
    const snapshot = { index: 9, term: 2, confState: file.confState, data: encodeSnapshotFile(file) };
    write({ entries: [entry(1, 1)], mustSync: true }, 1);
    write({ snapshot, mustSync: true, hardState: { term: 2, vote: 0, commit: 9 } }, 2);
    write({ entries: [entry(10, 2)], mustSync: true }, 3);
    await until(() => storage.firstIndex() === 10);
    await new Promise((resolve) => setImmediate(resolve));
    expect([delivered, storage.lastIndex(), storage.file]).toEqual([[1], 9, file]);
    restored.resolve();
    await until(() => delivered.length === 3);
    expect([delivered, storage.lastIndex()]).toEqual([[1, 2, 3], 10]);
  });

  it('delivers nothing of a write that failed, and says so', async () => {
    const { disk, write, delivered, failures } = await setUp();
    disk.faults = { syncError: 1 };
    write({ entries: [entry(1, 1)], mustSync: true }, 1);
    await until(() => failures.length === 1);
    expect(delivered).toEqual([]);
    expect(failures[0]).toMatchObject({ code: 'wal-poisoned' });
  });
});

function entry(index: number, term: number): Entry {
  return { index, term, type: 0, data: Uint8Array.of(index) };
}

function workOf(tag: number): Message {
  const response = createMessage({ type: MessageType.AppResp, to: 2, index: tag });
  return createMessage({ type: MessageType.StorageAppend, to: 1, responses: [response] });
}

function readyOf(fields: Partial<Ready>): Ready {
  const hardState: HardState | undefined = undefined;
  const nothing = { softState: undefined, hardState, readStates: [], entries: [], snapshot: undefined };
  return { ...nothing, committedEntries: [], messages: [], mustSync: false, ...fields };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
