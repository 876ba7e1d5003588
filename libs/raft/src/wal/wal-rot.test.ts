import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { WalCorruptionError } from './errors.js';
import { FaultyDisk } from './faulty-disk.js';
import { RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES } from './format.js';
import { LogModel, randomBatch, seededRandom } from './log-model.js';
import { WriteAheadLog } from './write-ahead-log.js';

const DIRECTORY = '/wal';
const SEGMENT_BYTES = 16 * 1024;

describe('a write-ahead log whose bits rot', () => {
  it('is refused, with file and position of the damaged record, wherever a later record proves that it was durable', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = seededRandom(seed);
        const { disk, records } = await writtenLog(random, false);
        const victim = records[Math.floor(random() * (records.length - 1))] as RecordPlace;
        disk.flipBits(
          victim.path,
          victim.position + Math.floor(random() * victim.bytes),
          1 << Math.floor(random() * 8),
        );
        const error = await open(disk).catch((reason) => reason);
        expect(error).toBeInstanceOf(WalCorruptionError);
        expect({ path: error.file, position: error.position }).toEqual({
          path: victim.path,
          position: victim.position,
        });
        expect(error.message).toMatch(/Keep a copy of the directory/);
      }),
      { numRuns: 150 },
    );
  });

  it('is refused after a clean close even if the last record of all is hit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = seededRandom(seed);
        const { disk, records } = await writtenLog(random, true);
        const victim = records.at(-2) as RecordPlace;
        disk.flipBits(victim.path, victim.position + Math.floor(random() * victim.bytes), 1);
        await expect(open(disk)).rejects.toThrow(WalCorruptionError);
      }),
      { numRuns: 50 },
    );
  });

  it('takes damage to the very last write for a torn tail, cuts it, and keeps all before it', async () => {
    const { disk, records, states } = await writtenLog(seededRandom(4), false);
    const last = records.at(-1) as RecordPlace;
    disk.flipBits(last.path, last.position + RECORD_HEADER_BYTES, 255);
    const { recovery } = await open(disk);
    expect(recovery.truncatedTailBytes).toBeGreaterThan(0);
    expect(LogModel.of(recovery).print()).toBe((states.at(-2) as LogModel).print());
    disk.restart();
    expect((await open(disk)).recovery.truncatedTailBytes).toBe(0);
  });

  it('is refused when a header is hit, a segment is missing, cut short, or of another member', async () => {
    const spoil = async (change: (disk: FaultyDisk, first: string, second: string) => unknown) => {
      const { disk } = await writtenLog(seededRandom(7), false);
      const [first, second] = disk.paths() as [string, string];
      await change(disk, first, second);
      const error = await open(disk).catch((reason) => reason);
      expect(error).toMatchObject({ code: 'wal-corrupt', retryable: false });
      return error.reason;
    };
    expect(await spoil((disk, first) => disk.flipBits(first, 33, 4))).toMatch(/checksum of the segment header/);
    expect(await spoil((disk, first) => disk.flipBits(first, 0, 4))).toMatch(/does not begin like a segment/);
    expect(await spoil((disk, _, second) => disk.mount().remove(second))).toMatch(/is missing before it/);
    expect(await spoil((disk, first) => disk.mount().remove(first))).toMatch(/entry \d+, entry 1 is due|missing/);
    expect(await spoil((disk, first) => disk.mount().open(first, 'create'))).toMatch(/ends inside its header/);
    const foreign = await writtenLog(seededRandom(8), false);
    const graft = async (disk: FaultyDisk, _: string, second: string) => {
      const file = await disk.mount().open(second, 'create');
      await file.write(foreign.disk.contentOf(second), 0);
    };
    expect(await spoil(graft)).toMatch(/belongs to another member/);
  });

  it('refuses a format it does not know and says which', async () => {
    const { disk } = await writtenLog(seededRandom(7), false);
    const path = disk.paths()[0] as string;
    const header = disk.contentOf(path).slice(0, SEGMENT_HEADER_BYTES);
    const { crc32c } = await import('./crc32c.js');
    header[8] = 2;
    new DataView(header.buffer).setUint32(48, crc32c(header, 0, 48), true);
    await (await disk.mount().open(path, 'existing')).write(header, 0);
    await expect(open(disk)).rejects.toMatchObject({ code: 'wal-version', version: 2 });
  });
});

interface RecordPlace {
  path: string;
  position: number;
  bytes: number;
}

/** A log of several segments, one record for each state, and where its records are. */
async function writtenLog(random: () => number, closed: boolean) {
  const disk = new FaultyDisk(random);
  const { wal } = await open(disk);
  const states = [new LogModel()];
  while (states.length < 60) {
    const { next, submit } = randomBatch(states.at(-1) as LogModel, random);
    if (next.snapshot) continue;
    states.push(next);
    await submit(wal);
  }
  if (closed) await wal.close();
  disk.restart();
  return { disk, states, records: disk.paths().flatMap((path) => recordsIn(path, disk.contentOf(path))) };
}

/** Walks the records as docs/wal-format.md describes them. */
function recordsIn(path: string, content: Uint8Array): RecordPlace[] {
  const view = new DataView(content.buffer);
  const places: RecordPlace[] = [];
  for (let position = SEGMENT_HEADER_BYTES; position + RECORD_HEADER_BYTES <= content.length; ) {
    if (view.getUint32(position, true) === 0) break;
    const bytes = RECORD_HEADER_BYTES + view.getUint32(position + 4, true);
    places.push({ path, position, bytes });
    position += bytes;
  }
  return places;
}

function open(disk: FaultyDisk) {
  return WriteAheadLog.open({ directory: DIRECTORY, disk: disk.mount(), segmentBytes: SEGMENT_BYTES });
}
