import { describe, expect, it } from '@jest/globals';
import { layoutTimeline } from './timeline-layout.js';

const TRANSFER = [
  { step: 'begun', atMs: 0 },
  { step: 'sent-prepare', atMs: 0.2, participant: 'east' },
  { step: 'sent-prepare', atMs: 0.3, participant: 'west' },
  { step: 'vote', atMs: 3, participant: 'west', detail: 'prepared' },
  { step: 'sent-prepare', atMs: 4, participant: 'east' },
  { step: 'vote', atMs: 5.2, participant: 'east', detail: 'prepared' },
  { step: 'settled', atMs: 5.2 },
  { step: 'decided', atMs: 6.2, detail: 'committed' },
  { step: 'sent-commit', atMs: 6.3, participant: 'east' },
  { step: 'done', atMs: 8.3, participant: 'east', detail: 'committed' },
  { step: 'completed', atMs: 30 },
];

describe('the drawing of a transaction', () => {
  const { lanes, rows, spans } = layoutTimeline(TRANSFER);

  it('has a lane for each participant, in the order in which they come up', () => {
    expect(lanes).toEqual(['east', 'west']);
    expect(rows.slice(0, TRANSFER.length).map(({ atMs }) => atMs)).toEqual(TRANSFER.map(({ atMs }) => atMs));
    expect(rows).toHaveLength(TRANSFER.length);
  });

  it('tells how long each answer took since it was first asked for', () => {
    expect(rows[3]).toMatchObject({ lane: 'west', direction: 'from', label: 'vote: prepared', tookMs: 2.7 });
    expect(rows[5]?.tookMs).toBeCloseTo(5);
    expect(rows[9]).toMatchObject({ label: 'done: committed', tone: 'good' });
    expect(rows[9]?.tookMs).toBeCloseTo(2);
  });

  it('calls what is sent again by that name', () => {
    expect(rows.map(({ label }) => label).slice(1, 5)).toEqual([
      'prepare',
      'prepare',
      'vote: prepared',
      'prepare again',
    ]);
  });

  it('draws what comes again and again once, with how often', () => {
    const vote = (atMs: number) => ({ step: 'vote', atMs, participant: 'east', detail: 'prepared' });
    const { rows: repeated } = layoutTimeline([TRANSFER[1] as (typeof TRANSFER)[0], ...[1, 2, 3, 4].map(vote)]);
    expect(repeated.map(({ label, atMs }) => `${atMs} ${label}`)).toEqual([
      '0.2 prepare',
      '1 vote: prepared',
      '4 vote: prepared again ×3',
    ]);
    expect(repeated[2]).not.toHaveProperty('tookMs');
  });

  it('divides the time into parts that add up', () => {
    expect(spans.map(({ name }) => name)).toEqual(['open', 'prepare', 'decide', 'finalise', 'forget']);
    expect(spans.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(30);
  });

  it('leaves out what never came', () => {
    expect(layoutTimeline([{ step: 'begun', atMs: 0 }])).toMatchObject({
      lanes: [],
      spans: [],
      rows: [{ label: 'begun' }],
    });
    const refused = layoutTimeline([{ step: 'vote', atMs: 1, participant: 'east', detail: 'refused' }]);
    expect(refused.rows[0]).toEqual({ atMs: 1, label: 'vote: refused', lane: 'east', direction: 'from', tone: 'bad' });
  });

  it('shows what was asked and has not been answered, by how long it is waited for', () => {
    const { rows: doubtful } = layoutTimeline([
      { step: 'begun', atMs: 0 },
      { step: 'sent-prepare', atMs: 1, participant: 'east' },
      { step: 'sent-prepare', atMs: 1, participant: 'gone' },
      { step: 'vote', atMs: 4, participant: 'east', detail: 'prepared' },
      { step: 'sent-prepare', atMs: 901, participant: 'gone' },
    ]);
    expect(doubtful.at(-1)).toEqual({
      atMs: 901,
      label: 'vote awaited',
      lane: 'gone',
      direction: 'from',
      tookMs: 900,
      isAwaited: true,
    });
    expect(doubtful.filter(({ isAwaited }) => isAwaited)).toHaveLength(1);
    const { spans: underWay } = layoutTimeline(TRANSFER.slice(0, 5));
    expect(underWay.at(-1)).toEqual({ name: 'prepare', ms: expect.closeTo(3.8), isOpen: true });
    expect(layoutTimeline(TRANSFER.slice(0, 3), true).rows).toHaveLength(3); // cut: nobody knows
  });

  it('calls the time before a rollback open, and waits for no vote any more', () => {
    const rolledBack = [
      { step: 'begun', atMs: 0 },
      { step: 'sent-execute', atMs: 1, participant: 'east' },
      { step: 'executed', atMs: 3, participant: 'east' },
      { step: 'settled', atMs: 50 },
      { step: 'sent-rollback', atMs: 50, participant: 'east' },
      { step: 'decided', atMs: 51, detail: 'aborted' },
      { step: 'done', atMs: 52, participant: 'east', detail: 'rolled-back' },
      { step: 'completed', atMs: 60 },
    ];
    const drawn = layoutTimeline(rolledBack);
    expect(drawn.spans.map(({ name, ms }) => `${name} ${ms}`)).toEqual([
      'open 50',
      'decide 1',
      'finalise 1',
      'forget 8',
    ]);
    expect(drawn.rows.some(({ isAwaited }) => isAwaited)).toBe(false);
    const expired = [
      { step: 'begun', atMs: 0 },
      { step: 'sent-prepare', atMs: 1, participant: 'gone' },
      { step: 'settled', atMs: 9 },
      { step: 'sent-rollback', atMs: 9, participant: 'gone' },
    ];
    expect(layoutTimeline(expired).rows.at(-1)).toMatchObject({ label: 'done awaited' });
    expect(layoutTimeline(expired).rows).toHaveLength(5);
  });

  it('tells one operation that runs at once from the next one, and from one that is sent again', () => {
    const { rows: interactive } = layoutTimeline([
      { step: 'sent-execute', atMs: 0, participant: 'east' },
      { step: 'executed', atMs: 2, participant: 'east' },
      { step: 'sent-execute', atMs: 100, participant: 'east' },
      { step: 'sent-execute', atMs: 300, participant: 'east' },
      { step: 'executed', atMs: 303, participant: 'east' },
    ]);
    expect(interactive.map(({ label }) => label)).toEqual([
      'execute',
      'executed',
      'execute',
      'execute again',
      'executed',
    ]);
    expect(interactive.map(({ tookMs }) => tookMs)).toEqual([undefined, 2, undefined, undefined, 203]);
  });
});
