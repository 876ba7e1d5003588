import { describe, expect, it } from '@jest/globals';
import { type Asked, oneAfterTheOther } from '../test/events.js';
import { findInternal } from './internal.js';
import { pairTransactions } from './transactions.js';

const contradictionsOf = (...value: Asked['value']) =>
  findInternal(pairTransactions(oneAfterTheOther({ type: 'ok', value }))).map(({ explanation }) => explanation[0]);

describe('a transaction agrees with itself', () => {
  it.each<[string, Asked['value']]>([
    [
      'reads what it read before',
      [
        ['r', 'x', [1]],
        ['r', 'x', [1]],
      ],
    ],
    [
      'reads its own appends after what it read before',
      [
        ['r', 'x', [1]],
        ['append', 'x', 2],
        ['r', 'x', [1, 2]],
      ],
    ],
    [
      'reads its own appends after what it had not read',
      [
        ['append', 'x', 2],
        ['r', 'x', [1, 2]],
        ['r', 'x', [1, 2]],
      ],
    ],
    [
      'reads each key for itself',
      [
        ['append', 'x', 2],
        ['r', 'y', []],
      ],
    ],
  ])('when it %s', (_, value) => {
    expect(contradictionsOf(...value)).toEqual([]);
  });

  it.each<[string, Asked['value'], RegExp]>([
    [
      'what it read before has changed',
      [
        ['r', 'x', [1]],
        ['r', 'x', [1, 2]],
      ],
      /read key x as \[1 2\], after having read \[1\]/,
    ],
    [
      'its own append is missing',
      [
        ['append', 'x', 2],
        ['r', 'x', [1]],
      ],
      /does not end with its own appends \[2\]/,
    ],
    [
      'its own append is not the last',
      [
        ['append', 'x', 2],
        ['r', 'x', [2, 3]],
      ],
      /does not end with its own/,
    ],
    [
      'it reads what it appends only later',
      [
        ['r', 'x', [1]],
        ['append', 'x', 1],
      ],
      /own append 1 to key x in the wrong place/,
    ],
    [
      'it reads its append twice',
      [
        ['append', 'x', 1],
        ['r', 'x', [1, 1]],
      ],
      /in the wrong place/,
    ],
  ])('but not when %s', (_, value, message) => {
    expect(contradictionsOf(...value)).toEqual([expect.stringMatching(message)]);
  });
});
