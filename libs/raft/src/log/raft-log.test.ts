import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { silentLogger } from '../core/logger.js';
import { Entry, EntryType, INDEX_MAX, NO_CONF_STATE, UNLIMITED } from '../core/messages.js';
import { entriesBytes } from './entry-size.js';
import { MemoryStorage } from './memory-storage.js';
import { RaftLog } from './raft-log.js';

function entry(index: number, term: number, size = 0): Entry {
  return { index, term, type: EntryType.Normal, data: new Uint8Array(size) };
}

function entries(from: number, ...terms: number[]): Entry[] {
  return terms.map((term, at) => entry(from + at, term));
}

function terms(log: RaftLog): (number | undefined)[] {
  return Array.from({ length: log.lastIndex }, (_, at) => log.term(at + 1));
}

/** Brings everything unstable to storage, as a driver does. */
function persist(log: RaftLog, storage: MemoryStorage): void {
  storage.append(log.unstable.nextEntries());
  log.unstable.acceptInProgress();
  if (log.unstable.length > 0) log.unstable.stableTo(log.lastIndex, log.lastTerm);
}

function logOf(...given: number[]): { log: RaftLog; storage: MemoryStorage } {
  const storage = new MemoryStorage();
  storage.append(entries(1, ...given));
  return { log: new RaftLog(storage, silentLogger, UNLIMITED), storage };
}

describe('the log', () => {
  it('follows a plain array under any appends, truncations and writes', () => {
    const step = fc.oneof(
      fc.record({ at: fc.nat(100), count: fc.integer({ min: 1, max: 4 }) }),
      fc.constantFrom('hand out' as const, 'persist' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { log, storage } = logOf(1, 1);
        let model = [1, 1];
        let term = 1;
        for (const one of steps) {
          if (one === 'hand out') storage.append(log.unstable.nextEntries());
          if (one === 'hand out') log.unstable.acceptInProgress();
          else if (one === 'persist') persist(log, storage);
          else {
            term++;
            const prev = one.at % (model.length + 1);
            const added = Array.from({ length: one.count }, () => term);
            const last = log.maybeAppend(
              prev,
              prev === 0 ? 0 : (model[prev - 1] as number),
              entries(prev + 1, ...added),
              0,
            );
            expect(last).toBe(prev + one.count);
            model = [...model.slice(0, prev), ...added];
          }
          expect(terms(log)).toEqual(model);
          expect(log.slice(1, log.lastIndex + 1, UNLIMITED)?.map((one) => one.term)).toEqual(model);
        }
      }),
    );
  });

  it('refuses entries that do not connect, and leaves what is there already alone', () => {
    const { log } = logOf(1, 2, 3);
    expect(log.maybeAppend(3, 2, entries(4, 4), 4)).toBeUndefined();
    expect(log.maybeAppend(4, 3, entries(5, 4), 4)).toBeUndefined();
    expect(log.maybeAppend(1, 1, entries(2, 2), 0)).toBe(2);
    expect(terms(log)).toEqual([1, 2, 3]);
    expect(log.maybeAppend(1, 1, entries(2, 2, 4), 0)).toBe(3);
    expect(terms(log)).toEqual([1, 2, 4]);
  });

  it('commits no further than the message that says so reaches', () => {
    const { log } = logOf(1, 1, 1);
    log.maybeAppend(1, 1, [], 3);
    expect(log.committed).toBe(1);
    log.maybeAppend(1, 1, entries(2, 1), 9);
    expect(log.committed).toBe(2);
  });

  it('breaks off rather than replace what is committed', () => {
    const { log } = logOf(1, 1, 1);
    log.commitTo(2);
    expect(() => log.maybeAppend(1, 1, entries(2, 5), 0)).toThrow('committed');
    expect(() => log.commitTo(4)).toThrow('out of range');
  });

  it('commits entries of an earlier term only through one of the own', () => {
    const { log } = logOf(1, 1, 2);
    expect(log.maybeCommit(2, 2)).toBe(false);
    expect(log.maybeCommit(3, 2)).toBe(true);
    expect(log.committed).toBe(3);
  });

  it('cuts slices to their size, but never to nothing, across storage and tail', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(40), { minLength: 1, maxLength: 12 }),
        fc.nat(12),
        fc.nat(200),
        (sizes, stable, bytesMax) => {
          const all = sizes.map((size, at) => entry(at + 1, 1, size));
          const storage = new MemoryStorage();
          storage.append(all.slice(0, stable));
          const log = new RaftLog(storage, silentLogger, UNLIMITED);
          for (const one of all.slice(stable)) log.push(one);
          const cut = log.slice(1, all.length + 1, bytesMax) ?? [];
          expect(cut).toEqual(all.slice(0, cut.length));
          expect(cut.length).toBeGreaterThan(0);
          if (cut.length > 1) expect(entriesBytes(cut)).toBeLessThanOrEqual(bytesMax);
          if (cut.length < all.length) expect(entriesBytes(all.slice(0, cut.length + 1))).toBeGreaterThan(bytesMax);
        },
      ),
    );
  });

  it('finds where two logs may meet by going back a term at a time', () => {
    const { log } = logOf(1, 3, 3, 3, 5, 5);
    expect(log.findConflictByTerm(6, 2)).toEqual({ index: 1, term: 1 });
    expect(log.findConflictByTerm(6, 4)).toEqual({ index: 4, term: 3 });
    expect(log.findConflictByTerm(6, 5)).toEqual({ index: 6, term: 5 });
    expect(log.findConflictByTerm(9, 5)).toEqual({ index: 9, term: 0 });
  });

  it('hands each committed entry out once, and only where it is durable unless told otherwise', () => {
    const { log, storage } = logOf();
    for (const one of entries(1, 1, 1, 1)) log.push(one);
    log.commitTo(2);
    expect(log.nextCommittedEntries(false)).toEqual([]);
    expect(log.nextCommittedEntries(true).map(({ index }) => index)).toEqual([1, 2]);
    persist(log, storage);
    const page = log.nextCommittedEntries(false);
    expect(page.map(({ index }) => index)).toEqual([1, 2]);
    log.acceptApplying(page, false);
    expect(log.nextCommittedEntries(false)).toEqual([]);
    log.appliedTo(2, entriesBytes(page));
    log.commitTo(3);
    expect(log.nextCommittedEntries(false).map(({ index }) => index)).toEqual([3]);
  });

  it('starts anew behind a snapshot', () => {
    const { log, storage } = logOf(1, 1);
    log.restore({ index: 7, term: 3, confState: NO_CONF_STATE, data: new Uint8Array(0) });
    expect([log.firstIndex, log.lastIndex, log.lastTerm, log.committed]).toEqual([8, 7, 3, 7]);
    expect(log.term(2)).toBeUndefined();
    expect(log.nextCommittedEntries(true)).toEqual([]);
    storage.applySnapshot(log.unstable.nextSnapshot() as never);
    log.unstable.stableSnapshotTo(7);
    expect(log.maybeAppend(7, 3, entries(8, 4), 8)).toBe(8);
  });

  it('ignores the report of a write whose entries were replaced meanwhile', () => {
    const { log } = logOf();
    for (const one of entries(1, 1, 1)) log.push(one);
    log.unstable.acceptInProgress();
    log.maybeAppend(1, 1, entries(2, 2), 0);
    log.unstable.stableTo(2, 1);
    expect(log.unstable.length).toBe(2);
    log.unstable.stableTo(2, 2);
    expect(log.unstable.length).toBe(0);
  });

  it('ends at the largest index that can be counted exactly', () => {
    const { log } = logOf();
    log.restore({ index: INDEX_MAX - 1, term: 1, confState: NO_CONF_STATE, data: new Uint8Array(0) });
    log.push(entry(INDEX_MAX, 1));
    expect(() => log.push(entry(INDEX_MAX + 1, 1))).toThrow('the log is full');
    expect(() => log.push(entry(7, 1))).toThrow('does not follow');
  });
});
