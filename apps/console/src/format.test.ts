import { describe, expect, it } from '@jest/globals';
import { durationText, figureText } from './format.js';

describe('durations', () => {
  it.each([
    [null, '–'],
    [0.44, '0.4 ms'],
    [12.7, '13 ms'],
    [1_500, '1.5 s'],
    [61_000, '1 min 1 s'],
    [3_660_000, '1 h 1 min'],
    [90_000_000, '1 d 1 h'],
  ])('of %p ms read %p', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});

it('figures read with separators, and a dash where there is none', () => {
  expect([figureText(12_345.67), figureText(null)]).toEqual(['12,345.7', '–']);
});
