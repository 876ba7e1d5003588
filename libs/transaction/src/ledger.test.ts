import { describe, expect, it } from '@jest/globals';
import {
  abortEntry,
  beginEntry,
  branch,
  claimOf,
  commitEntry,
  emptyLedger,
  feed,
  forgetEntry,
  INCARNATION,
  idOf,
  NOW,
  termEntry,
} from '../test/fixtures.js';
import type { Entry } from './entries.js';
import { csnOf, Ledger, type LedgerState } from './ledger.js';

const nothing = { transactions: [], keys: [], participants: [], members: [], prune: null };

describe('the ledger', () => {
  it('refuses an entry that repeats an index', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry());
    expect(() => ledger.apply(1, 1, termEntry())).toThrow('does not follow');
  });

  it('moves on at an empty entry and changes nothing', () => {
    const ledger = emptyLedger();
    expect(ledger.apply(1, 1, undefined)).toEqual({ index: 1, term: 1, ...nothing });
    expect(ledger.appliedIndex).toBe(1);
  });

  it('names an entry that it does not know', () => {
    expect(() => emptyLedger().apply(1, 1, { type: 'later' } as unknown as Entry)).toThrow('unreachable');
  });

  it('keeps the latest form of a participant, with the time of its entry', () => {
    const ledger = emptyLedger();
    const descriptor = { name: 'east', isolation: 'local' as const, operations: [] };
    const { participants } = feed(ledger, 1, { type: 'participant', descriptor, at: NOW });
    expect(participants).toEqual([{ ...descriptor, registeredAt: NOW }]);
    feed(ledger, 1, { type: 'participant', descriptor: { ...descriptor, isolation: 'global' }, at: NOW + 1 });
    expect(ledger.participants.get('east')).toMatchObject({ isolation: 'global', registeredAt: NOW + 1 });
  });

  it('never takes the published watermark back', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, { type: 'published', index: 7 }, { type: 'published', index: 3 });
    expect(ledger.publishedIndex).toBe(7);
  });

  it('completes a decision that leaves nothing to finalise at once, without a FORGET', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry());
    const readOnly = feed(ledger, 1, commitEntry(idOf(1, 1), [branch('east', 'read-only')])).transactions;
    const refused = feed(ledger, 1, abortEntry(idOf(1, 2), [branch('east', 'refused')])).transactions;
    expect(readOnly).toMatchObject([{ status: 'completed', outcome: 'committed', completedAt: NOW + 5 }]);
    expect(refused).toMatchObject([{ status: 'completed', outcome: 'aborted', completedAt: NOW + 5 }]);
    expect(ledger.live.size).toBe(0);
  });
});

describe('D1: the incarnation', () => {
  it('D1: is the one of the first term entry of all, whatever later leaders propose', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(NOW, INCARNATION));
    feed(ledger, 2, termEntry(NOW, INCARNATION + 1));
    expect(ledger.incarnation).toBe(INCARNATION);
  });

  it('D1: a transaction of another incarnation is neither begun nor committed nor aborted', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry());
    for (const entry of [beginEntry('zzz-1-1'), commitEntry('zzz-1-1'), abortEntry('zzz-1-1')]) {
      expect(feed(ledger, 1, entry)).toMatchObject(nothing);
    }
  });

  it('commit sequence numbers grow with the log and across incarnations', () => {
    expect(csnOf(INCARNATION, 8)).toBeGreaterThan(csnOf(INCARNATION, 7));
    expect(csnOf(NOW + 60_000, 1)).toBeGreaterThan(csnOf(NOW, 60_000_000));
    expect(Number.isSafeInteger(csnOf(NOW * 4, 10 ** 12))).toBe(true);
  });
});

describe('D2: only the transaction’s own term decides it', () => {
  it('D2: a COMMIT from an entry of another term changes nothing', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry());
    expect(feed(ledger, 2, commitEntry(idOf(1, 1)))).toMatchObject(nothing);
    expect(feed(ledger, 2, commitEntry(idOf(3, 1)))).toMatchObject(nothing);
  });

  it('D2: an ABORT from an entry of another term changes nothing', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), commitEntry(idOf(1, 1), [branch('east', 'read-only')]));
    expect(feed(ledger, 2, termEntry(), abortEntry(idOf(1, 1)))).toMatchObject(nothing);
  });

  it('D2: the first entry of a later term aborts what earlier terms left undecided, and nothing else', () => {
    const ledger = emptyLedger();
    const branches = [branch('east', 'enlisted')];
    feed(
      ledger,
      1,
      termEntry(),
      beginEntry(idOf(1, 1), branches),
      beginEntry(idOf(1, 2), branches),
      commitEntry(idOf(1, 1)),
    );
    const { transactions } = feed(ledger, 2, termEntry(NOW + 50));
    expect(transactions).toMatchObject([
      { id: idOf(1, 2), status: 'aborted', decidedIndex: 5, decidedAt: NOW + 50, reason: { code: 'leader-changed' } },
    ]);
    expect(ledger.live.get(idOf(1, 1))?.outcome).toBe('committed');
    expect(ledger.live.get(idOf(1, 2))?.branches).toEqual(branches);
  });

  it('D2: an undecided transaction without branches is aborted and completed at once', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), beginEntry(idOf(1, 1)));
    expect(feed(ledger, 2, termEntry(NOW + 50)).transactions).toMatchObject([
      { status: 'completed', outcome: 'aborted' },
    ]);
    expect(ledger.live.size).toBe(0);
  });
});

describe('D3: an outcome, once applied, never changes', () => {
  it('D3: an ABORT after the COMMIT and a COMMIT after the ABORT change nothing', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), commitEntry(idOf(1, 1)), abortEntry(idOf(1, 2)));
    expect(feed(ledger, 1, abortEntry(idOf(1, 1)))).toMatchObject(nothing);
    expect(feed(ledger, 1, commitEntry(idOf(1, 2)))).toMatchObject(nothing);
    expect([...ledger.live.values()].map(({ outcome }) => outcome)).toEqual(['committed', 'aborted']);
  });

  it('D3: a repeated COMMIT keeps its first commit sequence number', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), commitEntry(idOf(1, 1)), commitEntry(idOf(1, 1)));
    expect(ledger.live.get(idOf(1, 1))?.csn).toBe(csnOf(INCARNATION, 2));
  });

  it('D3: a BEGIN that comes again does not bring a decided transaction back', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), commitEntry(idOf(1, 1)));
    expect(feed(ledger, 1, beginEntry(idOf(1, 1)))).toMatchObject(nothing);
    expect(ledger.live.get(idOf(1, 1))?.outcome).toBe('committed');
  });
});

describe('D5: a COMMIT is self-contained', () => {
  it('D5: it decides, and binds its key, where the BEGIN was lost', () => {
    const ledger = emptyLedger();
    const branches = [branch('east', 'prepared'), branch('west', 'read-only', '2')];
    const change = feed(ledger, 1, termEntry(), commitEntry(idOf(1, 1), branches, [claimOf('k')]));
    expect(change.transactions).toMatchObject([
      { id: idOf(1, 1), status: 'committed', csn: csnOf(INCARNATION, 2), decidedIndex: 2, branches, label: 'rent' },
    ]);
    expect(ledger.findKey('shop', 'k')).toMatchObject({ transactionId: idOf(1, 1), createdAt: NOW + 5 });
  });

  it('D5: its branches replace those of the BEGIN', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), beginEntry(idOf(1, 1), [branch('east', 'enlisted'), branch('west', 'enlisted', '2')]));
    feed(ledger, 1, commitEntry(idOf(1, 1), [branch('east', 'prepared')]));
    expect(ledger.live.get(idOf(1, 1))?.branches.map(({ participant }) => participant)).toEqual(['east']);
  });
});

describe('D7: FORGET', () => {
  it('D7: completes what was decided, with each branch in its last state', () => {
    const ledger = emptyLedger();
    const branches = [branch('east', 'prepared'), branch('west', 'read-only', '2'), branch('stock', 'prepared', '3')];
    feed(ledger, 1, termEntry(), commitEntry(idOf(1, 1), branches));
    const [record] = feed(ledger, 1, forgetEntry(idOf(1, 1), ['stock'])).transactions;
    expect(record).toMatchObject({ status: 'completed', outcome: 'committed', completedAt: NOW + 9 });
    expect(record?.branches.map(({ status }) => status)).toEqual(['committed', 'read-only', 'hazard']);
    expect(ledger.live.size).toBe(0);
  });

  it('D7: an undecided or unknown transaction is not forgotten', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), beginEntry(idOf(1, 1), [branch('east', 'enlisted')]));
    expect(feed(ledger, 1, forgetEntry(idOf(1, 1)))).toMatchObject(nothing);
    expect(feed(ledger, 1, forgetEntry(idOf(1, 9)))).toMatchObject(nothing);
    expect(ledger.live.get(idOf(1, 1))?.status).toBe('active');
  });

  it('D7: a branch that may have been prepared when its leader was lost counts as outstanding', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), abortEntry(idOf(1, 1), [branch('east', 'preparing')]));
    expect(ledger.live.get(idOf(1, 1))?.status).toBe('aborted');
    expect(feed(ledger, 1, forgetEntry(idOf(1, 1))).transactions[0]?.branches[0]?.status).toBe('rolled-back');
  });
});

describe('D8: idempotency keys', () => {
  it('D8: are scoped to their caller', () => {
    const ledger = emptyLedger();
    feed(
      ledger,
      1,
      termEntry(),
      beginEntry(idOf(1, 1), [], [claimOf('k')]),
      beginEntry(idOf(1, 2), [], [claimOf('k', 'bank')]),
    );
    expect(ledger.findKey('shop', 'k')?.transactionId).toBe(idOf(1, 1));
    expect(ledger.findKey('bank', 'k')?.transactionId).toBe(idOf(1, 2));
    expect(ledger.findKey('other', 'k')).toBeUndefined();
  });

  it('D8: stay bound to the first transaction', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), beginEntry(idOf(1, 1), [], [claimOf('k')]));
    expect(feed(ledger, 1, commitEntry(idOf(1, 2), undefined, [claimOf('k')])).keys).toEqual([]);
    expect(ledger.findKey('shop', 'k')?.transactionId).toBe(idOf(1, 1));
  });

  it('D8: make room for newer ones, and memory then says that it does not hold them all', () => {
    const ledger = emptyLedger(2);
    const claims = ['a', 'b'].map((key) => claimOf(key));
    feed(ledger, 1, termEntry(), beginEntry(idOf(1, 1), [], claims));
    expect(ledger.keysComplete).toBe(true);
    feed(ledger, 1, beginEntry(idOf(1, 2), [], [claimOf('c')]));
    expect(ledger.keysComplete).toBe(false);
    expect(['a', 'b', 'c'].map((key) => ledger.findKey('shop', key) !== undefined)).toEqual([false, true, true]);
  });
});

describe('D9: time enters through entries only', () => {
  const keyAt = (sequence: number, key: string, createdAt: number): Entry => {
    const entry = beginEntry(idOf(1, sequence), [], [claimOf(key)]) as Extract<Entry, { type: 'begin' }>;
    return { ...entry, header: { ...entry.header, createdAt } };
  };

  it('D9: every key older than the PRUNE entry says goes, also behind a younger one', () => {
    const ledger = emptyLedger();
    // The second leader's clock is behind the first one's: keys are not bound in the order of their times.
    feed(ledger, 1, termEntry(), keyAt(1, 'late', NOW + 100), keyAt(2, 'early', NOW));
    const { prune } = feed(ledger, 1, { type: 'prune', completedBefore: 1, keysBefore: NOW + 50 });
    expect(prune).toEqual({ completedBefore: 1, keysBefore: NOW + 50 });
    expect(ledger.findKey('shop', 'early')).toBeUndefined();
    expect(ledger.findKey('shop', 'late')).toBeDefined();
  });

  it('D9: a ledger made from records goes on as the one that made them', () => {
    const first = emptyLedger();
    const branches = [branch('east', 'prepared')];
    feed(first, 1, termEntry(), commitEntry(idOf(1, 1), branches), beginEntry(idOf(1, 2), branches, [claimOf('k')]));
    const { appliedIndex, appliedTerm, incarnation, publishedIndex, live } = first;
    const state: LedgerState = {
      ...{ appliedIndex, appliedTerm, incarnation, publishedIndex },
      transactions: structuredClone([...live.values()]),
      participants: [],
      members: [],
      keys: [{ ...claimOf('k'), transactionId: idOf(1, 2), createdAt: NOW }],
    };
    const second = new Ledger(state, 100);
    const next = [termEntry(NOW + 1), forgetEntry(idOf(1, 1)), forgetEntry(idOf(1, 2))];
    expect(next.map((entry) => feed(second, 2, entry))).toEqual(next.map((entry) => feed(first, 2, entry)));
    expect(second.findKey('shop', 'k')).toEqual(first.findKey('shop', 'k'));
    expect(second.live).toEqual(first.live);
  });
});

describe('leased snapshots', () => {
  const lease = (id: string): Entry => ({ type: 'lease', id, ttlMs: 1000, at: NOW + 1 });

  it('S7: a leased snapshot is that of its own entry: every commit before it is in it, none behind it', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry());
    const before = feed(ledger, 1, commitEntry(idOf(1, 1)));
    const { leased } = feed(ledger, 1, lease('a'));
    const after = feed(ledger, 1, commitEntry(idOf(1, 2)));
    expect(leased).toEqual({ id: 'a', csn: csnOf(INCARNATION, 3), createdAt: NOW + 1, ttlMs: 1000 });
    expect(before.transactions[0]?.csn).toBeLessThan(leased?.csn ?? 0);
    expect(after.transactions[0]?.csn).toBeGreaterThan(leased?.csn ?? 0);
  });

  it('D9: a lease ends by an entry alone; one that is not there is not released', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), lease('a'), lease('b'), termEntry(NOW + 1_000_000));
    expect([...ledger.leases.keys()]).toEqual(['a', 'b']);
    expect(feed(ledger, 1, { type: 'release', ids: ['x', 'a'] }).released).toEqual(['a']);
    expect([...ledger.leases.keys()]).toEqual(['b']);
  });

  it('are loaded with the state', () => {
    const ledger = emptyLedger();
    const leases = [{ id: 'a', csn: 5, createdAt: NOW, ttlMs: 1 }];
    const nothing = { transactions: [], participants: [], members: [], keys: [] };
    ledger.load({ ...nothing, appliedIndex: 9, appliedTerm: 1, incarnation: 2, publishedIndex: 0, leases });
    expect([...ledger.leases.values()]).toEqual(leases);
    expect(ledger.appliedCsn).toBe(csnOf(2, 9));
  });
});

describe('locks', () => {
  const grant = (request: string): Entry => {
    const action = {
      name: 'a',
      mode: 'exclusive',
      owner: 'o',
      caller: 'c',
      key: null,
      ttlMs: 1,
      session: null,
    } as const;
    return { type: 'lock', action: { kind: 'grant', ...action }, request, at: NOW };
  };

  it('L4: the fencing token is the CSN of the grant, so that of a later incarnation is larger', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry());
    const { locks } = feed(ledger, 1, grant('r-1'));
    const token = csnOf(ledger.incarnation, ledger.appliedIndex);
    expect(locks).toMatchObject({ request: 'r-1', done: true, holds: [{ token, grantedAt: NOW }] });
    expect(feed(ledger, 1, grant('r-2')).locks).toMatchObject({ request: 'r-2', done: false });
    expect(csnOf(ledger.incarnation + 1, 1)).toBeGreaterThan(csnOf(ledger.incarnation, 1_000));
  });

  it('D9: outlive leaders, and are loaded with the state; a state without any has none', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), grant('r-1'));
    feed(ledger, 2, termEntry(NOW + 1_000_000));
    const state = ledger.locks.state();
    expect(state.holds).toHaveLength(1);
    const nothing = { transactions: [], participants: [], members: [], keys: [] };
    const empty = { ...nothing, appliedIndex: 9, appliedTerm: 1, incarnation: 2, publishedIndex: 0 };
    ledger.load(empty);
    expect(ledger.locks.size).toBe(0);
    ledger.load({ ...empty, locks: state });
    expect(ledger.locks.state()).toEqual(state);
  });
});
