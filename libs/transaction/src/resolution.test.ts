import { describe, expect, it } from '@jest/globals';
import {
  abortEntry,
  branch,
  commitEntry,
  emptyLedger,
  feed,
  forgetEntry,
  INCARNATION,
  idOf,
  NOW,
  termEntry,
} from '../test/fixtures.js';
import type { HazardEntry, OperatorEntry } from './entries.js';
import { hazardKey } from './hazards.js';
import { csnOf, Ledger } from './ledger.js';
import { confirmed } from './resolution.js';

const ID = idOf(1, 1);

const hazardEntry = (participant: string, over: Partial<HazardEntry['hazards'][number]> = {}): HazardEntry => ({
  type: 'hazard',
  at: NOW + 7,
  hazards: [{ transactionId: ID, participant, outcome: 'committed', csn: 9, detail: 'odd', ...over }],
});

const resolveEntry = (over: Partial<NonNullable<OperatorEntry['resolution']>>): OperatorEntry => ({
  type: 'operator',
  at: NOW + 9,
  actor: 'ada',
  action: 'resolve',
  target: ID,
  reason: 'gone',
  outcome: 'committed',
  resolution: { givenUp: [], acknowledged: [], ...over },
});

/** East and west are prepared, and commit is decided. */
function decided(): Ledger {
  const ledger = emptyLedger();
  feed(ledger, 1, termEntry(), commitEntry(ID, [branch('east', 'prepared'), branch('west', 'prepared')]));
  return ledger;
}

const openOf = (ledger: Ledger) => [...ledger.hazards].map(({ participant, kind }) => `${participant} ${kind}`);

describe('open hazards in the ledger', () => {
  it('H1: stay open when the transaction is forgotten, with the branch marked and its reason', () => {
    const ledger = decided();
    const { transactions, hazards } = feed(ledger, 1, hazardEntry('west'));
    expect(transactions).toMatchObject([{ status: 'committed', branches: [{}, { status: 'hazard' }] }]);
    expect([...(hazards ?? [])].map(([key]) => key)).toEqual([hazardKey({ transactionId: ID, participant: 'west' })]);
    const [record] = feed(ledger, 1, forgetEntry(ID, ['west'])).transactions;
    expect(record?.branches).toMatchObject([{ status: 'committed' }, { status: 'hazard', reason: { message: 'odd' } }]);
    expect(openOf(ledger)).toEqual(['west contradiction']);
  });

  it('are kept of transactions that are forgotten or undecided here too, and change no record then', () => {
    const ledger = decided();
    feed(ledger, 1, forgetEntry(ID));
    expect(feed(ledger, 1, hazardEntry('west')).transactions).toEqual([]);
    expect(openOf(ledger)).toEqual(['west contradiction']);
  });

  it('are counted, found and dropped one by one', () => {
    const { hazards } = decided();
    const one = { transactionId: 't', kind: 'contradiction', outcome: 'aborted', csn: null, detail: '' } as const;
    for (const participant of ['a', 'b', 'a']) hazards.open({ ...one, participant, raisedAt: 1 });
    expect([hazards.size, hazards.of('t').length, hazards.of('u').length]).toEqual([2, 2, 0]);
    expect([hazards.close('t', 'a'), hazards.close('t', 'a'), hazards.close('u', 'a')]).toEqual([true, false, false]);
    expect(hazards.size).toBe(1);
  });

  it('D9: are the same from entries as from what they made', () => {
    const ledger = decided();
    feed(ledger, 1, hazardEntry('west'), resolveEntry({ givenUp: ['east'] }));
    const { appliedIndex, appliedTerm, incarnation, publishedIndex } = ledger;
    const at = { appliedIndex, appliedTerm, incarnation, publishedIndex };
    const rest = { transactions: [...ledger.live.values()], participants: [], members: [], keys: [] };
    const loaded = new Ledger({ ...at, ...rest, hazards: [...ledger.hazards] }, 10);
    expect([...loaded.hazards]).toEqual([...ledger.hazards]);
    loaded.load({ ...at, ...rest });
    expect(loaded.hazards.size).toBe(0);
  });
});

describe('an operator’s word in the ledger', () => {
  it('is on the record under the CSN of its entry, whatever comes of it', () => {
    const ledger = decided();
    const { action } = feed(ledger, 1, { ...resolveEntry({}), target: 'nothing' });
    expect(action).toEqual({
      id: csnOf(INCARNATION, ledger.appliedIndex),
      at: NOW + 9,
      actor: 'ada',
      action: 'resolve',
      target: 'nothing',
      reason: 'gone',
      outcome: 'committed',
    });
  });

  it('O2: completes a commit with the branch open, and never as if its participant had answered', () => {
    const ledger = decided();
    const { transactions } = feed(ledger, 1, resolveEntry({ givenUp: ['west'] }));
    expect(transactions).toMatchObject([
      {
        status: 'completed',
        outcome: 'committed',
        completedAt: NOW + 9,
        branches: [{ status: 'committed' }, { status: 'hazard' }],
      },
    ]);
    expect(ledger.live.size).toBe(0);
    expect(openOf(ledger)).toEqual(['west unconfirmed']);
    expect(feed(ledger, 1, resolveEntry({ givenUp: ['west'] })).transactions).toEqual([]);
  });

  it('O2: keeps nothing open of an abort', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry(), abortEntry(ID, [branch('east', 'preparing')]));
    feed(ledger, 1, resolveEntry({ givenUp: ['east'] }));
    expect([ledger.live.size, ledger.hazards.size]).toEqual([0, 0]);
  });

  it('L2: gives up nothing of what is undecided, and changes no outcome', () => {
    const ledger = emptyLedger();
    feed(ledger, 1, termEntry());
    expect(feed(ledger, 1, resolveEntry({ givenUp: ['east'] })).transactions).toEqual([]);
    const other = decided();
    const header = { ...(other.live.get(ID) as NonNullable<ReturnType<typeof other.live.get>>) };
    const reconciled = { header, outcome: 'aborted' as const, csn: null, branches: [] };
    expect(feed(other, 1, resolveEntry({ reconciled })).transactions).toEqual([]);
    expect(other.live.get(ID)?.outcome).toBe('committed');
  });

  it('acknowledges contradictions, and lets go of nothing that is only unconfirmed', () => {
    const ledger = decided();
    feed(ledger, 1, hazardEntry('east'), resolveEntry({ givenUp: ['west'] }));
    const { hazards } = feed(ledger, 1, resolveEntry({ acknowledged: ['east', 'west', 'north'] }));
    expect([...(hazards ?? [])]).toEqual([[hazardKey({ transactionId: ID, participant: 'east' }), null]]);
    expect(openOf(ledger)).toEqual(['west unconfirmed']);
  });
});

describe('a participant that was given up', () => {
  it('sets it right by its own word, once', () => {
    const ledger = decided();
    const [record] = feed(ledger, 1, resolveEntry({ givenUp: ['west'] })).transactions;
    if (!record) throw new Error('nothing was given up');
    const entry = { type: 'confirm', participant: 'west', record: confirmed(record, 'west') } as const;
    expect(entry.record.branches).toMatchObject([{ status: 'committed' }, { status: 'committed', reason: null }]);
    expect(feed(ledger, 1, entry).transactions).toEqual([entry.record]);
    expect(ledger.hazards.size).toBe(0);
    expect(feed(ledger, 1, entry).transactions).toEqual([]);
  });

  it('is a contradiction once it says so', () => {
    const ledger = decided();
    feed(ledger, 1, resolveEntry({ givenUp: ['west'] }), hazardEntry('west'));
    expect(openOf(ledger)).toEqual(['west contradiction']);
  });
});
