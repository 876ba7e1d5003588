import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SnapshotsInUse } from './snapshots-in-use.js';

describe('the snapshots in use', () => {
  it('S7: tell the oldest, whatever comes and goes in whatever order', () => {
    const action = fc.oneof(fc.constant('add' as const), fc.nat({ max: 30 }), fc.constant('ask' as const));
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const snapshots = new SnapshotsInUse();
        const model = new Map<string, number>();
        let next = 0;
        for (const one of actions) {
          if (one === 'add') {
            next += 1;
            snapshots.add(`t${next}`, 100 + Math.floor(next / 3));
            model.set(`t${next}`, 100 + Math.floor(next / 3));
          } else if (one === 'ask') {
            expect(snapshots.oldest).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
          } else {
            const id = [...model.keys()][one] ?? 'none';
            snapshots.delete(id);
            model.delete(id);
          }
        }
        expect(snapshots.oldest).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
      }),
    );
  });
});
