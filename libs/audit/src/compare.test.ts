import { describe, expect, it } from '@jest/globals';
import {
  auditOf,
  doneRecord,
  eventRecord,
  idOf,
  START_MS,
  type TestRecord,
  voteRecord,
  WHOLE,
} from '../test/histories.js';
import { compare, type KnownRecord, type RecordFact } from './compare.js';
import { type AuditWindow, type Judgement, UNFINISHED_MAX_MS } from './judge.js';

const ID = idOf(0);
const COMMITTED: RecordFact = { outcome: 'committed', csn: 5, decidedAtMs: START_MS, restored: false };
const ABORTED: RecordFact = { ...COMMITTED, outcome: 'aborted', csn: null };
const UNDECIDED: RecordFact = { ...ABORTED, outcome: null, decidedAtMs: null };

const commitEvent = eventRecord(ID, 5, ['p-a'], START_MS);
const abortEvent = eventRecord(ID, null, ['p-a'], START_MS);
const prepared = voteRecord(ID, 'p-a', 'prepared', START_MS);
const done = doneRecord(ID, 'p-a', 'committed', START_MS);
const rolledBack = doneRecord(ID, 'p-a', 'rolled-back', START_MS);

function compared(records: TestRecord[], record: KnownRecord, window: Partial<AuditWindow> = {}): Judgement {
  const whole = { ...WHOLE, ...window };
  const { facts, verdict, causes } = auditOf(records, whole).get(ID) ?? absent();
  return compare({ verdict, causes }, facts, record, whole);
}

describe("the coordinator's own record", () => {
  it.each<[string, TestRecord[], KnownRecord, string, string[]]>([
    ['agrees with a commit', [commitEvent, prepared, done], COMMITTED, 'complete', []],
    ['agrees with an abort', [abortEvent, prepared, rolledBack], ABORTED, 'complete', []],
    ['is no longer kept', [commitEvent, done], 'unknown', 'complete', []],
    ['says abort of a public commit', [commitEvent], ABORTED, 'contradicting', ['record-outcome']],
    ['says commit of a public abort', [abortEvent], COMMITTED, 'contradicting', ['record-outcome']],
    ['has another number', [commitEvent], { ...COMMITTED, csn: 6 }, 'contradicting', ['record-csn']],
    ['got a new number in a restore', [commitEvent, done], { ...COMMITTED, csn: 6, restored: true }, 'complete', []],
    ['is not there', [commitEvent, done], null, 'contradicting', ['record-missing']],
    ['is undecided', [commitEvent, done], UNDECIDED, 'contradicting', ['record-undecided']],
    ['says abort where a branch has committed', [done], ABORTED, 'contradicting', ['committed-after-abort']],
    ['says commit where a branch rolled back', [rolledBack], COMMITTED, 'contradicting', ['rolled-back-after-commit']],
    ['holds a decision that was never told', [done], COMMITTED, 'contradicting', ['event-missing']],
    ['knows the transaction, which runs', [prepared], UNDECIDED, 'incomplete', ['running']],
  ])('%s', (_name, records, record, verdict, causes) => {
    expect(compared(records, record)).toEqual({ verdict, causes });
  });

  it('excuses an orphan whose event retention has cut', () => {
    const window = { eventsFromMs: START_MS - UNFINISHED_MAX_MS };
    const long = { ...COMMITTED, decidedAtMs: START_MS - UNFINISHED_MAX_MS - 1 };
    expect(compared([done], long, window)).toEqual({ verdict: 'incomplete', causes: ['cut'] });
  });

  it('confirms an orphan that Kafka alone could not tell from what retention has cut', () => {
    const window = { eventsFromMs: START_MS };
    expect(compared([prepared], 'unknown', window)).toEqual({ verdict: 'incomplete', causes: ['cut'] });
    expect(compared([prepared], null, window)).toEqual({ verdict: 'orphaned', causes: ['prepared-undecided'] });
    const running = { ...window, repliesToMs: START_MS + 1 };
    expect(compared([prepared], null, running)).toEqual({ verdict: 'incomplete', causes: ['running'] });
  });

  it('makes what is mixed no better', () => {
    const mixed = [commitEvent, done, doneRecord(ID, 'p-b', 'rolled-back', START_MS)];
    expect(compared(mixed, ABORTED).verdict).toBe('mixed');
    expect(compared(mixed, ABORTED).causes).toContain('record-outcome');
  });
});

const absent = (): never => {
  throw new Error('the transaction was not judged');
};
