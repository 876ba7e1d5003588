import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Inflights } from './inflights.js';

describe('the in-flight window', () => {
  it('behaves like a plain list of messages under any sequence of adds and frees', () => {
    const action = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 5 }), bytes: fc.nat(30) }),
      fc.record({ freeUpTo: fc.nat(60) }),
      fc.constant('clear' as const),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(action, { maxLength: 60 }), (countMax, actions) => {
        const window = new Inflights(countMax, 100);
        let model: { index: number; bytes: number }[] = [];
        let index = 0;
        for (const one of actions) {
          if (one === 'clear') {
            window.clear();
            model = [];
          } else if ('add' in one) {
            if (window.full) continue;
            index += one.add;
            window.add(index, one.bytes);
            model.push({ index, bytes: one.bytes });
          } else {
            window.freeUpTo(one.freeUpTo);
            model = model.filter((message) => message.index > one.freeUpTo);
          }
          const bytes = model.reduce((sum, message) => sum + message.bytes, 0);
          expect({ count: window.count, bytes: window.bytes }).toEqual({ count: model.length, bytes });
          expect(window.full).toBe(model.length >= countMax || bytes >= 100);
        }
      }),
    );
  });

  it('lets the message that crosses the byte bound in, and no more', () => {
    const window = new Inflights(10, 8);
    window.add(1, 7);
    expect(window.full).toBe(false);
    window.add(2, 100);
    expect(window.full).toBe(true);
    expect(() => window.add(3, 0)).toThrow('full window');
  });
});
