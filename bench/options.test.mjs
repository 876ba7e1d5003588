import { describe, expect, it } from '@jest/globals';
import { CASES, FLOORS, readOptions, UsageError } from './options.mjs';

describe('the options of the bench', () => {
  it('measure everything for five seconds at 1, 32 and 128 in flight unless told', () => {
    expect(readOptions([])).toMatchObject({
      cases: [...FLOORS, ...CASES],
      seconds: 5,
      concurrencies: [1, 32, 128],
      rounds: 1,
      replicas: 1,
      json: false,
    });
  });

  it('take cases one by one or as a list, and put floors first', () => {
    expect(readOptions(['--case', 'empty,floor-http', '--case', 'floor-fdatasync']).cases).toEqual([
      'floor-fdatasync',
      'floor-http',
      'empty',
    ]);
  });

  it('start as many coordinators as asked', () => {
    expect(readOptions(['--replicas', '3']).replicas).toBe(3);
  });

  it.each([
    [['--case', 'emtpy']],
    [['--seconds', '0']],
    [['--seconds', 'long']],
    [['--concurrency', '1,,2']],
    [['--concurrency', '0']],
    [['--rounds', '1.5']],
    [['--replicas', 'x']],
    [['--replicas', '8']],
    [['--unknown']],
    [['stray']],
  ])('refuse %j', (words) => {
    expect(() => readOptions(words)).toThrow(UsageError);
  });
});
