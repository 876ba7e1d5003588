import { describe, expect, it } from '@jest/globals';
import {
  aborting,
  applied,
  at,
  begun,
  branch,
  claimOf,
  commitEntry,
  committing,
  doneOf,
  emptyLedger,
  feed,
  headerOf,
  idOf,
  NOW,
  preparing,
  reasonOf,
  termEntry,
  voteOf,
} from '../test/fixtures.js';
import { beginCoordination, branchRecords, recordOf, resumeCoordination } from './coordination.js';
import type { BranchStatus, TransactionRecord } from './record.js';
import { step } from './transitions.js';

const recordWith = (outcome: 'committed' | 'aborted' | null, ...statuses: BranchStatus[]): TransactionRecord => ({
  ...headerOf(idOf(1, 1)),
  status: outcome ?? 'active',
  outcome,
  csn: outcome === 'committed' ? 77 : null,
  decidedIndex: 5,
  decidedAt: NOW + 5,
  completedAt: null,
  reason: outcome === 'aborted' ? reasonOf('leader-changed') : null,
  branches: statuses.map((status, i) => branch(`p${i}`, status, String(i + 1))),
});

describe('the coordination of one transaction', () => {
  it('begins active, with the claims of its call and no branch', () => {
    const t = beginCoordination(headerOf(idOf(1, 1)), [claimOf('k')]);
    expect(t).toMatchObject({ state: 'active', outcome: null, branches: [], claims: [claimOf('k')] });
    expect(recordOf(t)).toMatchObject({ ...headerOf(idOf(1, 1)), status: 'active', outcome: null, branches: [] });
  });

  it('shows every branch in the state of its participant', () => {
    const t = preparing(['east', 'west', 'east']);
    step(t, voteOf('east', 'prepared', [{ branchId: '3', result: 9 }]), at());
    expect(branchRecords(t).map(({ status, result }) => [status, result])).toEqual([
      ['prepared', null],
      ['preparing', null],
      ['prepared', 9],
    ]);
  });

  it('gives the reason of a refusal to the branch that it names, or to all of the participant', () => {
    const t = preparing(['east', 'east']);
    step(t, voteOf('east', 'refused', null, { ...reasonOf('poor'), branchId: '2' }), at());
    expect(branchRecords(t).map(({ reason }) => reason?.code ?? null)).toEqual([null, 'poor']);
    const whole = preparing(['east', 'east']);
    step(whole, voteOf('east', 'refused', null, reasonOf('poor')), at());
    expect(branchRecords(whole).map(({ reason }) => reason?.code)).toEqual(['poor', 'poor']);
  });

  it('D4: reads undecided while its COMMIT is proposed and not applied', () => {
    expect(recordOf(committing(['east']))).toMatchObject({
      status: 'preparing',
      outcome: null,
      decidedAt: null,
      csn: null,
    });
  });

  it('reads aborted as soon as the abort is settled', () => {
    expect(recordOf(aborting(['east']))).toMatchObject({ status: 'aborted', outcome: 'aborted', decidedAt: NOW });
  });

  it('reads completed only when the FORGET is applied, never before', () => {
    const { t } = applied(committing(['east']));
    step(t, doneOf('east'), at());
    expect(t.state).toBe('completed');
    expect(recordOf(t)).toMatchObject({ status: 'committed', completedAt: null });
    t.completedAt = NOW + 9;
    expect(recordOf(t)).toMatchObject({ status: 'completed', completedAt: NOW + 9 });
  });
});

describe('recovery from the ledger’s record', () => {
  it('D2: an undecided transaction is not resumed', () => {
    expect(() => resumeCoordination(recordWith(null, 'enlisted'))).toThrow('undecided');
  });

  it('D5: a commit is sent again to every branch that it names as prepared, and to no other', () => {
    const t = resumeCoordination(recordWith('committed', 'prepared', 'read-only', 'prepared'));
    expect(t).toMatchObject({ state: 'committed', outcome: 'committed', csn: 77, decidedIndex: 5, decidedAt: NOW + 5 });
    const sent = step(t, { type: 'due' }, at()).filter(({ type }) => type === 'send');
    expect(sent).toEqual(['p0', 'p2'].map((participant) => ({ type: 'send', command: 'commit', participant })));
  });

  it('after an abort every branch that may be prepared is told to roll back', () => {
    const t = resumeCoordination(recordWith('aborted', 'enlisted', 'preparing', 'prepared', 'refused', 'read-only'));
    const sent = step(t, { type: 'due' }, at()).filter(({ type }) => type === 'send');
    expect(sent).toEqual(['p0', 'p1', 'p2'].map((participant) => ({ type: 'send', command: 'rollback', participant })));
  });

  it('branches that are final stay final', () => {
    const t = resumeCoordination(recordWith('aborted', 'rolled-back', 'prepared'));
    expect(branchRecords(t).map(({ status }) => status)).toEqual(['rolled-back', 'prepared']);
  });

  it('D7: what the ledger holds as unfinished has something outstanding, so it ends by its DONEs', () => {
    const statuses: BranchStatus[] = ['enlisted', 'preparing', 'prepared', 'read-only', 'refused'];
    for (const status of statuses) {
      const ledger = emptyLedger();
      feed(ledger, 1, termEntry(), commitEntry(idOf(1, 1), [branch('east', status)]));
      const record = ledger.live.get(idOf(1, 1));
      expect(record !== undefined).toBe(status === 'prepared');
      const resumed = record && resumeCoordination(record);
      if (resumed) expect(step(resumed, doneOf('east'), at())).toEqual([{ type: 'forget', hazards: [] }]);
    }
  });

  it('the proposal of a decision is not repeated', () => {
    const t = resumeCoordination(recordWith('committed', 'prepared'));
    expect(step(t, { type: 'due' }, at()).map(({ type }) => type)).toEqual(['send', 'wake']);
    expect(begun(['east']).state).toBe('active');
  });
});
