import { describe, expect, it } from '@jest/globals';
import { ENTRY_FORMATS, FORMAT_VERSION, formatVersionOf, membersBelow, OLDEST_FORMAT } from './formats.js';
import { Ledger } from './ledger.js';
import type { MemberRecord } from './record.js';

const member = (raftId: number, formatVersion?: number): MemberRecord => ({
  raftId,
  nodeId: raftId,
  address: '',
  url: '',
  removed: false,
  ...(formatVersion !== undefined && { formatVersion }),
});
const removed = (record: MemberRecord): MemberRecord => ({ ...record, removed: true });

describe('entry formats', () => {
  it('never change for a kind of entry, and the highest one is what this version announces', () => {
    expect(ENTRY_FORMATS).toEqual({
      term: 1,
      begin: 1,
      commit: 1,
      abort: 1,
      forget: 1,
      participant: 1,
      member: 1,
      reconcile: 1,
      reconciled: 1,
      published: 1,
      prune: 1,
      lease: 2,
      release: 2,
      hazard: 3,
      operator: 3,
      confirm: 3,
      lock: 3,
    });
    expect(FORMAT_VERSION).toBe(Math.max(...Object.values(ENTRY_FORMATS)));
    expect(OLDEST_FORMAT).toBe(Math.min(...Object.values(ENTRY_FORMATS)));
  });
});

describe('the format of a cluster', () => {
  it('is that of the oldest member that is not removed; one that says nothing has the oldest', () => {
    expect(formatVersionOf([member(1, 2), member(2, 2)])).toBe(2);
    expect(formatVersionOf([member(1, 2), member(2, 1), member(3, 2)])).toBe(1);
    expect(formatVersionOf([member(1, 2), member(2)])).toBe(1);
    expect(formatVersionOf([member(1, 2), removed(member(2)), member(3, 2)])).toBe(2);
  });

  it('is never above what this version understands', () => {
    expect(formatVersionOf([member(1, FORMAT_VERSION + 1), member(2, FORMAT_VERSION + 1)])).toBe(FORMAT_VERSION);
  });

  it('is that of this version where no other member is recorded', () => {
    expect(formatVersionOf([])).toBe(FORMAT_VERSION);
    expect(formatVersionOf([member(1)])).toBe(FORMAT_VERSION);
    expect(formatVersionOf([member(1), removed(member(2))])).toBe(FORMAT_VERSION);
  });

  it('says which members must be upgraded', () => {
    const behind = membersBelow(2, [member(1, 2), member(2), member(3, 1), removed(member(4)), member(5, 3)]);
    expect(behind.map(({ raftId }) => raftId)).toEqual([2, 3]);
  });
});

describe('the ledger', () => {
  const nothing = { appliedIndex: 0, appliedTerm: 0, incarnation: 1, publishedIndex: 0 };
  const empty = { ...nothing, transactions: [], participants: [], members: [], keys: [] };

  it('derives the format from what it applies and from what it loads', () => {
    const ledger = new Ledger(empty, 10);
    const after = (record: MemberRecord): number => {
      ledger.apply(ledger.appliedIndex + 1, 1, { type: 'member', member: record });
      return ledger.formatVersion;
    };
    expect(ledger.formatVersion).toBe(FORMAT_VERSION);
    expect([member(1, 2), member(2), member(3), member(2, 2)].map(after)).toEqual([FORMAT_VERSION, 1, 1, 1]);
    expect(after(member(3, 2))).toBe(2);
    expect(after(member(4))).toBe(1);
    expect(after(removed(member(4)))).toBe(2);
    expect(after(member(4))).toBe(2); // a removed id never returns
    ledger.load({ ...empty, members: [member(1, 2), member(2)] });
    expect(ledger.formatVersion).toBe(1);
    ledger.load(empty);
    expect(ledger.formatVersion).toBe(FORMAT_VERSION);
  });
});
