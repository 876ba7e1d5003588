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

  it('divides the time into parts that add up', () => {
    expect(spans.map(({ name }) => name)).toEqual(['open', 'prepare', 'decide', 'finalise', 'forget']);
    expect(spans.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(30);
  });

  it('leaves out what never came', () => {
    expect(layoutTimeline([{ step: 'begun', atMs: 0 }])).toMatchObject({ lanes: [], spans: [] });
    const refused = layoutTimeline([{ step: 'vote', atMs: 1, participant: 'east', detail: 'refused' }]);
    expect(refused.rows[0]).toEqual({ atMs: 1, label: 'vote: refused', lane: 'east', direction: 'from', tone: 'bad' });
  });
});
