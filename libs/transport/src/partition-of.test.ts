import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { partitionOf } from './partition-of.js';

describe('partitionOf', () => {
  it('chooses as every other Kafka client does', () => {
    const theirs = Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({ partitionId, leader: 1 }));
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 500, unit: 'binary' }), (key) => {
        const message = { key, value: '' };
        const expected = theirs({ topic: 't', partitionMetadata: partitionMetadata as never, message });
        expect(partitionOf(key, 12)).toBe(expected);
      }),
    );
  });

  it('spreads keys that differ only at the end', () => {
    const partitions = new Set(Array.from({ length: 200 }, (_, index) => partitionOf(`mi1x2y3z-1-${index}`, 8)));
    expect(partitions.size).toBe(8);
  });
});
