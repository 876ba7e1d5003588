import { describe, expect, it } from '@jest/globals';
import { skeletonOf } from './schema-skeleton.js';

describe('the input to begin with', () => {
  it('has every required member, with something of its type', () => {
    const properties = {
      account: { type: 'string' },
      amount: { type: 'integer', exclusiveMinimum: 0 },
      kind: { enum: ['a', 'b'] },
      note: { type: 'string' },
      lines: { type: 'array' },
    };
    const required = ['account', 'amount', 'kind', 'lines'];
    expect(skeletonOf({ type: 'object', properties, required })).toEqual({
      account: '',
      amount: 1,
      kind: 'a',
      lines: [],
    });
  });

  it('is null where nothing is known', () => {
    expect([skeletonOf({}), skeletonOf(true), skeletonOf(undefined)]).toEqual([null, null, null]);
  });
});
