import { describe, expect, it } from '@jest/globals';
import { appliedPerS, entriesBehind, type Reading, withReading } from './replica-rates.js';

const member = (appliedIndex: number | null) => ({
  id: 1,
  nodeId: 1,
  address: '',
  url: '',
  role: 'follower' as const,
  matchIndex: null,
  appliedIndex,
  persistedIndex: null,
  lagMs: null,
  lastContactMs: null,
  suspicion: null,
});

describe('the rate at which a replica applies the log', () => {
  it('is of the last seconds, and forgets what was before', () => {
    let readings: readonly Reading[] = [];
    for (let second = 0; second <= 20; second += 1) {
      readings = withReading(readings, { atMs: second * 1_000, appliedIndex: second < 10 ? 0 : (second - 10) * 30 });
    }
    expect(appliedPerS(readings)).toBeCloseTo(30);
    expect(readings.length).toBeLessThanOrEqual(7);
  });

  it('is not known of one reading, of silence, and of one that began anew', () => {
    const at = (atMs: number, appliedIndex: number | null): Reading => ({ atMs, appliedIndex });
    expect(appliedPerS([at(0, 5)])).toBeNull();
    expect(appliedPerS([at(0, 5), at(1_000, null)])).toBeNull();
    expect(appliedPerS([at(0, 5), at(1_000, 2)])).toBeNull();
  });

  it('stands beside how far it is behind', () => {
    const members = [member(10), member(7), member(null)];
    expect(members.map((one) => entriesBehind(one, members))).toEqual([0, 3, null]);
  });
});
