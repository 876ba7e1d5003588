import { beginCoordination, type Coordination, type CoordinationEvent, step } from '@concordat/transaction';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RESEND_DELAY_MS_MAX, WORKING_MS_MAX } from './admission/bounds.js';
import { type Counted, Load } from './load.js';

const NAMES = ['east', 'west'] as const;

function begin(id: number, caller = 'shop'): Counted {
  const header = {
    ...({ id: `a-1-${id}`, isolation: 'global', serializable: false, label: null, caller, snapshot: 1 } as const),
    ...{ createdAt: 0, deadlineAt: 1e9 },
  } as const;
  return { t: beginCoordination(header, []), owed: new Map() };
}

const call = { branchId: '1', operation: 'o', input: {} };
const executed = (participant: string, number: number) => ({
  ...{ participant, branchId: '1', number, nonce: 'n', result: null, reason: null },
});
const reason = { code: 'rolled-back', message: '', retryable: false };

/** What may happen to a transaction, most of it at any time; what its state does not allow is refused and changes nothing. */
const event: fc.Arbitrary<CoordinationEvent> = fc.oneof(
  fc.constantFrom<CoordinationEvent>(
    { type: 'commit', claims: [] },
    { type: 'abort', reason, claims: [] },
    { type: 'due' },
  ),
  fc
    .constantFrom(...NAMES)
    .chain((participant) =>
      fc.constantFrom<CoordinationEvent>(
        { type: 'enlist', participant, call },
        { type: 'execute', participant, call },
        { type: 'executed', reply: executed(participant, 1) } as never,
        { type: 'vote', vote: { participant, vote: 'prepared', results: [], reason: null } },
        { type: 'vote', vote: { participant, vote: 'refused', results: null, reason: null } },
        { type: 'done', participant, outcome: 'committed', detail: null },
        { type: 'done', participant, outcome: 'rolled-back', detail: null },
      ),
    ),
);

/** As the leader counted before: by looking at all that is live. */
function lagBySearch(live: readonly Coordination[], participant: string): number {
  return live.filter((t) => {
    const { phase, session } = t.works.get(participant) ?? {};
    return phase === 'preparing' || (phase === 'prepared' && t.outcome !== null) || (session?.queue.length ?? 0) > 0;
  }).length;
}

describe('the load', () => {
  it('counts what a search over everything would find, whatever happens', () => {
    const happening = fc.record({ to: fc.nat(3), event, ends: fc.nat(20), later: fc.nat(300) });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 80 }), (happenings) => {
        const load = new Load(1000);
        const live = [0, 1, 2, 3].map((id) => begin(id, `caller ${id % 2}`));
        for (const one of live) load.begun(one);
        let now = 0;
        for (const { to, event: what, ends, later } of happenings) {
          now += later;
          const one = live[to % Math.max(1, live.length)];
          if (!one) break;
          try {
            step(one.t, what, { now, random: 0, answersLateMs: load.lateMs(one) });
          } catch {
            continue; // refused
          }
          load.changed(one, now);
          if (ends === 0) {
            load.ended(one);
            live.splice(live.indexOf(one), 1);
          }
          for (const name of NAMES)
            expect(load.lagOf(name)).toBe(
              lagBySearch(
                live.map(({ t }) => t),
                name,
              ),
            );
          const working = ({ t }: Counted) => t.state === 'preparing' || t.state === 'committing';
          expect(load.working(now)).toBeLessThanOrEqual(live.length);
          if (live.every(({ t }) => t.outcome !== null && !working({ t, owed: new Map() }))) {
            expect(load.working(now)).toBe(0);
          }
          for (const n of [0, 1]) {
            expect(load.of(`caller ${n}`)).toBe(live.filter(({ t }) => t.header.caller === `caller ${n}`).length);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('takes what has waited for somebody for long for no work of its own', () => {
    const load = new Load(1000);
    const one = begin(1);
    load.begun(one);
    for (const what of [
      { type: 'enlist', participant: 'east', call },
      { type: 'commit', claims: [] },
    ] as const) {
      step(one.t, what, { now: 0, random: 0 });
      load.changed(one, 0);
    }
    expect([load.working(WORKING_MS_MAX - 1), load.working(WORKING_MS_MAX)]).toEqual([1, 0]);
    expect(load.lagOf('east')).toBe(1);
  });

  it('knows how late an answer may come, and bounds it', () => {
    const load = new Load(1000);
    const answer = (id: number, tookMs: number) => {
      const one = begin(id);
      load.begun(one);
      const events = [
        { type: 'enlist', participant: 'east', call },
        { type: 'commit', claims: [] },
      ] as const;
      for (const what of events) step(one.t, what, { now: 0, random: 0 });
      load.changed(one, 0);
      const late = load.lateMs(one);
      step(
        one.t,
        { type: 'vote', vote: { participant: 'east', vote: 'read-only', results: [], reason: null } },
        { now: tookMs, random: 0 },
      );
      load.changed(one, tookMs);
      return late;
    };
    expect(answer(1, 100)).toBe(0);
    for (let id = 2; id < 30; id += 1) answer(id, 100);
    expect(answer(30, 100)).toBeGreaterThanOrEqual(100);
    expect(answer(31, 100)).toBeLessThan(200);
    for (let id = 40; id < 60; id += 1) answer(id, 60_000);
    expect(answer(99, 100)).toBe(RESEND_DELAY_MS_MAX);
  });
});
