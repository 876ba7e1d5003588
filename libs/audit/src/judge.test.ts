import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  auditOf,
  csnOf,
  cut,
  doneRecord,
  eventRecord,
  idOf,
  recordsOf,
  SETTLE_MS,
  START_MS,
  type Story,
  story,
  type TestRecord,
  voteRecord,
  WHOLE,
} from '../test/histories.js';
import { PARTICIPANTS_MAX } from './facts.js';
import { type AuditWindow, type Cause, isViolation, UNFINISHED_MAX_MS, type Verdict } from './judge.js';

const HOUR_MS = 3_600_000;
const RUNS = 150;

const histories = fc.array(story, { minLength: 1, maxLength: 12 });
const written = (stories: readonly Story[]): TestRecord[] => stories.flatMap((one, index) => recordsOf(index, one));

/** Some records twice, all in any order. */
const scrambled = (records: TestRecord[]): fc.Arbitrary<TestRecord[]> =>
  fc.array(fc.nat({ max: records.length - 1 }), { maxLength: 20 }).chain((twice) => {
    const all = [...records, ...twice.map((at) => records[at] as TestRecord)];
    return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
  });

const windows: fc.Arbitrary<AuditWindow> = fc
  .record({
    replies: fc.integer({ min: 0, max: 70 * HOUR_MS }),
    events: fc.integer({ min: 0, max: 70 * HOUR_MS }),
    end: fc.integer({ min: 0, max: 80 * HOUR_MS }),
    hasCut: fc.boolean(),
    before: fc.integer({ min: 0, max: 5 * HOUR_MS }),
  })
  .map(({ replies, events, end, hasCut, before }) => ({
    repliesFromMs: hasCut ? START_MS + replies : WHOLE.repliesFromMs,
    eventsFromMs: hasCut ? START_MS + Math.min(replies, events) : WHOLE.eventsFromMs,
    eventsToMs: START_MS + end,
    repliesToMs: START_MS + end - before,
    settleMs: SETTLE_MS,
  }));

describe('honest histories', () => {
  it('give no violation, whatever is repeated, reordered, cut by retention or still under way', () => {
    const cases = fc
      .record({ stories: histories, window: windows, pieces: fc.integer({ min: 1, max: 5 }) })
      .chain((one) => scrambled(written(one.stories)).map((records) => ({ ...one, records })));
    fc.assert(
      fc.property(cases, ({ records, window, pieces }) => {
        const verdicts = [...auditOf(cut(records, window), window, { pieces }).values()];
        expect(verdicts.filter(({ verdict }) => isViolation(verdict))).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  it('are complete where everything was read', () => {
    fc.assert(
      fc.property(
        histories.chain((stories) => scrambled(written(stories))),
        (records) => {
          const verdicts = [...auditOf(records, WHOLE).values()];
          expect(verdicts.filter(({ verdict }) => verdict !== 'complete')).toEqual([]);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('give the same facts into however many pieces and buckets they are divided', () => {
    fc.assert(
      fc.property(
        histories.chain((stories) => fc.tuple(scrambled(written(stories)), scrambled(written(stories)))),
        ([one, other]) => {
          const sorted = (records: TestRecord[], pieces: number, buckets: number) =>
            [...auditOf(records, WHOLE, { pieces, buckets, seed: pieces })].sort(([a], [b]) => a.localeCompare(b));
          expect(sorted(one, 1, 1)).toEqual(sorted(other, 5, 7));
        },
      ),
      { numRuns: 100 },
    );
  });
});

type Plant = (index: number, one: Story) => TestRecord[];
const atMs = (one: Story) => one.beganMs + one.decidedAfterMs + 1;
const isCommitted = (one: Story) => one.ending === 'committed' && one.votes.some(({ vote }) => vote !== 'read-only');

/** What must never be on Kafka, and what it is called. */
const PLANTS: Record<string, { into: (one: Story) => boolean; plant: Plant; verdict: Verdict; cause: Cause }> = {
  'a branch rolled back beside one that committed': {
    into: isCommitted,
    plant: (index, one) => [doneRecord(idOf(index), 'p-z', 'rolled-back', atMs(one))],
    verdict: 'mixed',
    cause: 'committed-and-rolled-back',
  },
  'a branch committed of an aborted transaction': {
    into: (one) => one.ending === 'aborted',
    plant: (index, one) => [doneRecord(idOf(index), 'p-a', 'committed', atMs(one))],
    verdict: 'contradicting',
    cause: 'committed-after-abort',
  },
  'a hazard': {
    into: () => true,
    plant: (index, one) => [doneRecord(idOf(index), 'p-a', 'hazard', atMs(one))],
    verdict: 'contradicting',
    cause: 'hazard',
  },
  'an abort beside a commit': {
    into: (one) => one.ending === 'committed',
    plant: (index, one) => [eventRecord(idOf(index), null, [], atMs(one))],
    verdict: 'contradicting',
    cause: 'two-outcomes',
  },
  'a second number of a commit': {
    into: (one) => one.ending === 'committed',
    plant: (index, one) => [eventRecord(idOf(index), csnOf(index) + 1, [], atMs(one))],
    verdict: 'contradicting',
    cause: 'two-csns',
  },
  'a participant that says both': {
    into: (one) => one.ending === 'presumed' && one.votes.length === 1 && one.votes[0]?.vote === 'prepared',
    plant: (index, one) => [doneRecord(idOf(index), 'p-a', 'committed', atMs(one))],
    verdict: 'contradicting',
    cause: 'both-at-one-participant',
  },
  'a commit that nobody decided': {
    into: (one) => one.ending === 'presumed' && one.votes.every(({ vote }) => vote !== 'prepared'),
    plant: (index, one) => [doneRecord(idOf(index), 'p-y', 'committed', atMs(one))],
    verdict: 'orphaned',
    cause: 'committed-undecided',
  },
  'a prepared branch that nobody decides': {
    into: (one) => one.ending === 'presumed',
    plant: (index, one) => [voteRecord(idOf(index), 'p-y', 'prepared', atMs(one))],
    verdict: 'orphaned',
    cause: 'prepared-undecided',
  },
};

describe('a planted violation', () => {
  it.each(Object.entries(PLANTS))('is found, and nothing else: %s', (_name, { into, plant, verdict, cause }) => {
    const cases = fc.record({ others: histories, victim: story.filter(into) }).chain(({ others, victim }) => {
      const index = others.length;
      const records = [...written([...others, victim]), ...plant(index, victim)];
      return scrambled(records).map((all) => ({ records: all, id: idOf(index) }));
    });
    fc.assert(
      fc.property(cases, ({ records, id }) => {
        const judged = auditOf(records, WHOLE);
        const found = [...judged].filter(([, one]) => isViolation(one.verdict)).map(([one]) => one);
        expect(found).toEqual([id]);
        // A plant may break two rules at once; the worse one gives the verdict.
        const { verdict: given, causes } = judged.get(id) ?? { verdict: '', causes: [] };
        expect(['mixed', verdict]).toContain(given);
        expect(causes).toContain(cause);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('the edges', () => {
  const ID = idOf(0);
  const only = (records: TestRecord[], window: Partial<AuditWindow> = {}) => {
    const { verdict, causes } = auditOf(records, { ...WHOLE, ...window }).get(ID) ?? {};
    return [verdict, causes];
  };
  const prepared = voteRecord(ID, 'p-a', 'prepared', START_MS);

  it('waits with an orphan until a transaction must have ended', () => {
    expect(only([prepared], { repliesToMs: START_MS + SETTLE_MS - 1 })).toEqual(['incomplete', ['running']]);
    expect(only([prepared], { repliesToMs: START_MS + SETTLE_MS })).toEqual(['orphaned', ['prepared-undecided']]);
  });

  it('calls nothing an orphan whose decision retention may have cut', () => {
    const from = START_MS - UNFINISHED_MAX_MS;
    expect(only([prepared], { eventsFromMs: from + 1 })).toEqual(['incomplete', ['cut']]);
    expect(only([prepared], { eventsFromMs: from })).toEqual(['orphaned', ['prepared-undecided']]);
  });

  it('tells a commit that somebody has not finalised from one that runs and one that is cut', () => {
    const committed = eventRecord(ID, 5, ['p-a', 'p-b'], START_MS);
    const done = doneRecord(ID, 'p-a', 'committed', START_MS + 5);
    expect(only([committed, done])).toEqual(['incomplete', ['unfinished']]);
    expect(only([committed, done], { repliesToMs: START_MS + 10 })).toEqual(['incomplete', ['running']]);
    expect(only([committed, done], { repliesFromMs: START_MS })).toEqual(['incomplete', ['cut']]);
    const readOnly = voteRecord(ID, 'p-b', 'read-only', START_MS - 1);
    expect(only([committed, done, readOnly])).toEqual(['complete', []]);
  });

  it('takes a rollback without an event for a presumed abort', () => {
    expect(only([prepared, doneRecord(ID, 'p-a', 'rolled-back', START_MS + 1)])).toEqual(['complete', []]);
    expect(only([voteRecord(ID, 'p-a', 'refused', START_MS)])).toEqual(['complete', []]);
  });

  it('takes a commit by the word of the participants, after a restore, under another number', () => {
    const reason = { code: 'restored', message: 'restored', retryable: true };
    const events = [eventRecord(ID, 5, [], START_MS), eventRecord(ID, 9, [], START_MS + HOUR_MS, reason)];
    expect(only(events)).toEqual(['complete', []]);
    expect(only([...events, eventRecord(ID, 6, [], START_MS)])).toEqual(['contradicting', ['two-csns']]);
  });

  it('is bounded where a stranger floods one transaction, and says so', () => {
    const flood = Array.from({ length: PARTICIPANTS_MAX + 1 }, (_, at) =>
      voteRecord(ID, `s-${at}`, 'refused', START_MS),
    );
    expect(only(flood)).toEqual(['contradicting', ['crowded']]);
    expect(only(flood.slice(1))).toEqual(['complete', []]);
    expect(auditOf(flood, WHOLE).get(ID)?.facts.said.size).toBe(0);
  });
});
