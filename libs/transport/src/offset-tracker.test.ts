import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OffsetTracker } from './offset-tracker.js';

describe('OffsetTracker', () => {
  it('has nothing to commit before anything was handled', () => {
    const tracker = new OffsetTracker(7);
    tracker.received(7);
    expect(tracker.uncommitted).toBeUndefined();
  });

  it('commits up to the first message that is not handled', () => {
    const tracker = new OffsetTracker(10);
    for (const offset of [10, 11, 12, 15]) tracker.received(offset);
    tracker.handled(11);
    tracker.handled(12);
    expect(tracker.uncommitted).toBeUndefined();
    tracker.handled(10);
    expect(tracker.uncommitted).toBe(15);
    tracker.handled(15);
    expect(tracker.uncommitted).toBe(16);
    tracker.committed(16);
    expect(tracker.uncommitted).toBeUndefined();
  });

  it('ignores what it never received', () => {
    const tracker = new OffsetTracker(0);
    tracker.handled(3);
    expect(tracker.committable).toBe(0);
  });

  it('never passes an open message and ends at the end, in whatever order messages are handled', () => {
    const orders = fc.integer({ min: 1, max: 3000 }).chain((count) =>
      fc.shuffledSubarray(
        Array.from({ length: count }, (_, index) => index),
        { minLength: count },
      ),
    );
    fc.assert(
      fc.property(orders, (order) => {
        const tracker = new OffsetTracker(0);
        const open = new Set(order);
        for (let offset = 0; offset < order.length; offset += 1) tracker.received(offset);
        let before = 0;
        for (const [index, offset] of order.entries()) {
          tracker.handled(offset);
          open.delete(offset);
          const committable = tracker.committable;
          expect(committable).toBeGreaterThanOrEqual(before);
          before = committable;
          if (index % 100 === 0) expect(committable).toBe(Math.min(order.length, ...open));
        }
        expect(tracker.committable).toBe(order.length);
      }),
      { numRuns: 20 },
    );
  });
});
