import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Inflights } from './inflights.js';
import { Progress } from './progress.js';

function progress(next: number): Progress {
  return new Progress(next, new Inflights(4, 1_000), false);
}

describe('a peer’s progress', () => {
  it('keeps match below next whatever arrives', () => {
    const event = fc.oneof(
      fc.record({ accepted: fc.nat(30) }),
      fc.record({ rejected: fc.nat(30), hint: fc.nat(30) }),
      fc.record({ sent: fc.integer({ min: 0, max: 3 }) }),
      fc.constantFrom('probe' as const, 'replicate' as const, 'snapshot' as const),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const peer = progress(1);
        let match = 0;
        for (const one of events) {
          if (one === 'probe') peer.becomeProbe();
          else if (one === 'replicate') peer.becomeReplicate();
          else if (one === 'snapshot') peer.becomeSnapshot(peer.match + 5);
          else if ('accepted' in one) {
            peer.maybeUpdate(one.accepted);
            if (peer.state === 'StateReplicate') peer.inflights.freeUpTo(one.accepted);
          } else if ('rejected' in one) peer.maybeDecrease(one.rejected, one.hint);
          else if (!peer.isPaused()) peer.sentEntries(peer.inflights.full ? 0 : one.sent, one.sent);
          expect(peer.next).toBeGreaterThan(peer.match);
          expect(peer.match).toBeGreaterThanOrEqual(match);
          match = peer.match;
        }
      }),
    );
  });

  it('ignores a rejection that comes late', () => {
    const peer = progress(10);
    expect(peer.maybeDecrease(7, 3)).toBe(false);
    expect(peer.maybeDecrease(9, 3)).toBe(true);
    expect(peer.next).toBe(4);
    peer.maybeUpdate(5);
    peer.becomeReplicate();
    expect(peer.maybeDecrease(5, 1)).toBe(false);
  });

  it('goes on behind a snapshot that was delivered, and from the match after one that was not', () => {
    const delivered = progress(3);
    delivered.becomeSnapshot(20);
    delivered.becomeProbe();
    expect(delivered.next).toBe(21);
    const lost = progress(3);
    lost.becomeSnapshot(20);
    lost.pendingSnapshot = 0;
    lost.becomeProbe();
    expect(lost.next).toBe(1);
  });
});
