import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseSequencer, sequencerOf } from './sequencer.js';

describe('sequencers', () => {
  it('read back as they were written, whatever the name', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.constantFrom('exclusive' as const, 'shared' as const),
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        (name, mode, token) =>
          expect(parseSequencer(sequencerOf({ name, mode, token }))).toEqual({ name, mode, token }),
      ),
    );
    expect(sequencerOf({ name: 'orders:4.2', mode: 'shared', token: 7 })).toBe('7.s.orders:4.2');
  });

  it.each(['', '7', '7.x.', '07.x.a', '7.y.a', '-7.x.a', '9007199254740993.x.a', '7.x'])('%j is none', (text) => {
    expect(parseSequencer(text)).toBeUndefined();
  });
});
